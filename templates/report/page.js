"use strict";
// The slider over the epochs' pictures; without scripts all of them stand below each other.
for (const box of document.querySelectorAll("[data-frames]")) {
  const frames = box.querySelectorAll("img");
  const slider = box.querySelector("input");
  const shown = box.querySelector("output");
  const show = () => {
    frames.forEach((frame, index) => { frame.hidden = index !== Number(slider.value); });
    shown.textContent = frames[slider.value].alt;
  };
  box.querySelector(".player").hidden = frames.length < 2;
  slider.addEventListener("input", show);
  show();
}
// Paper has no folds.
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((fold) => { fold.open = true; }));
