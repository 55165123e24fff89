"""The planner: one maker for each kind, refiners in their order, stages named and placed, mistakes explained."""

import re

import pytest
from declared import composed, config, declarations, op, planned, registry

from net2bit.errors import PlanError
from net2bit.graph.kind import Kind
from net2bit.graph.plan import plan


def test_only_what_the_goals_need_is_planned() -> None:
    """An op that no goal needs stays out of the plan."""
    made = plan(config(["b"]), registry(op("one", "a"), op("two", "b", "a"), op("three", "c", "a")))
    assert [stage.op.name for stage in made.stages] == ["one", "two"]
    assert made.goals == ("b",)


def test_a_stage_is_named_after_its_first_product() -> None:
    """The task of an op with several products is called like the first one's file."""
    made = plan(config(["y"]), registry(op("one", "x y z")))
    assert [stage.name for stage in made.stages] == ["x"]
    assert made.chosen["z"].maker == "x"


def test_a_file_pattern_takes_values_of_the_experiment() -> None:
    """The two xmodels carry the model's name in their file names, and their kinds keep their own."""
    made = planned("model.name=street")
    assert made.chosen["int.xmodel"].path.endswith("/street_int.xmodel")
    assert made.by_name["street_int.xmodel"].outputs[0].kind == "int.xmodel"


def test_refiners_come_in_their_declared_order() -> None:
    """Ops that refine one kind form a chain by `order`, whatever the order of their declarations, and consumers take its end."""
    ops = (op("user", "out", "w"), op("last", "w", "w", order=2), op("make", "w"), op("first", "w", "w", order=1))
    made = plan(config(["out"]), registry(*ops))
    assert [stage.name for stage in made.stages] == ["w@make", "w@first", "w", "out"]
    assert [stage.inputs[0].maker for stage in made.stages[1:]] == ["w@make", "w@first", "w"]
    assert made.chosen["w"].maker == "w"


def test_a_refiner_may_need_other_kinds_of_the_same_maker() -> None:
    """A refiner takes the maker's other products as they are and its own kind from before itself."""
    ops = (op("train", "w history"), op("prune", "w", "w history"), op("use", "out", "w history"))
    made = plan(config(["out"]), registry(*ops))
    assert [(item.kind, item.maker) for item in made.by_name["out"].inputs] == [("w", "w"), ("history", "w@train")]


def test_refining_ops_are_switched_by_the_experiment() -> None:
    """Equalization and bias correction appear exactly when the experiment asks for them."""
    assert "unet_float.xmodel@convert" not in planned().by_name
    names = list(planned("quant.equalize=true", "quant.bias_correction=true").by_name)
    assert names.index("unet_float.xmodel@convert") < names.index("unet_float.xmodel") < names.index("unet_int.xmodel@quantize")
    assert names.index("unet_int.xmodel@quantize") < names.index("unet_int.xmodel") < names.index("ladder.json")


def test_a_missing_maker_is_named_with_who_needs_it() -> None:
    """A kind that nothing makes is an error naming the kind and the op that asks for it."""
    with pytest.raises(PlanError, match=r"nothing makes 'a', asked for by two"):
        plan(config(["b"]), registry(op("two", "b", "a")))


def test_a_missing_maker_in_another_toolchain_is_pointed_out() -> None:
    """Where another toolchain can make the kind, the remedy is the word that chooses it."""
    known = registry(op("use", "b", "a"))
    known.chains["vendor"] = (op("quantize", "a"),)
    with pytest.raises(PlanError) as caught:
        plan(config(["b"]), known)
    assert caught.value.remedy == "op quantize of toolchain vendor makes it: toolchain.name=vendor"


def test_a_switched_off_maker_is_pointed_out() -> None:
    """Where an op would make the kind if it were switched on, the remedy says how."""
    known = registry(op("draw", "a", only={"data.generator": None}), op("fold", "a", only={"data.fold": (True, 2)}))
    with pytest.raises(PlanError) as caught:
        plan(config(["a"], data={"generator": None, "fold": False}), known)
    assert "op draw makes it with data.generator set" in caught.value.remedy
    assert "op fold makes it with data.fold=true or 2" in caught.value.remedy


def test_a_misspelt_goal_gets_a_suggestion() -> None:
    """A goal that is no kind is an error with the nearest kind."""
    with pytest.raises(PlanError) as caught:
        planned("flow.goals=[report.htm]")
    assert caught.value.suggestion == "report.html"
    assert "weights.h5" in caught.value.remedy


def test_two_makers_are_both_named() -> None:
    """Two ops that make one kind are an error naming both, their file, and what switches them."""
    known = registry(op("draw", "a", only={"data.generator": None}), op("load", "a"))
    with pytest.raises(PlanError, match=r"'a' has more than one maker: draw, load") as caught:
        plan(config(["a"], data={"generator": "x"}), known)
    assert caught.value.where == "draw (stages/all.py), load (stages/all.py)"
    assert "draw is on with data.generator set" in caught.value.remedy


def test_a_circle_is_shown() -> None:
    """Ops that need each other are an error that shows the way around."""
    with pytest.raises(PlanError, match=re.escape("one -> three -> two -> one")):
        plan(config(["a"]), registry(op("one", "a", "c"), op("two", "b", "a"), op("three", "c", "b")))


def test_an_unknown_toolchain_gets_a_suggestion() -> None:
    """A toolchain that does not exist is an error with the nearest name and the list."""
    with pytest.raises(PlanError) as caught:
        planned("toolchain.name=opne")
    assert (caught.value.suggestion, caught.value.remedy) == ("open", "choose one of: open")


def test_an_op_that_reads_an_unknown_key_is_refused() -> None:
    """A declaration that reads a key the experiment lacks names the op, the key and the near miss."""
    with pytest.raises(PlanError, match=r"op one names 'train\.epoch'") as caught:
        plan(config(["a"], train={"epochs": 1}), registry(op("one", "a", reads=("train.epoch",))))
    assert caught.value.suggestion == "train.epochs"


@pytest.mark.parametrize("further", ["", "log "])
def test_two_products_of_one_name_are_refused(further: str) -> None:
    """Two kinds whose files have the same name would be one task, which is an error naming both kinds."""
    kinds = [Kind("a", "a", file="same"), Kind("b", "b", file="same")]
    with pytest.raises(PlanError, match="kinds a and b both come as a file called same"):
        plan(config(["a", "b"]), registry(op("one", "a"), op("two", f"{further}b"), kinds=kinds))


def test_what_the_plan_does_not_finish_is_not_chosen() -> None:
    """A kind that another op would refine, but not in this plan, has its task's name to show for it and no place in dist/."""
    made = plan(config(["log"]), registry(op("train", "w log"), op("prune", "w", "w")))
    assert [stage.name for stage in made.stages] == ["w@train"]
    assert set(made.chosen) == {"log"}


def test_a_stage_sees_its_slice_and_nothing_else() -> None:
    """A stage's config holds the declared keys, nested as in the experiment; a group brings all of its keys."""
    made = planned()
    assert made.by_name["dataset.h5"].config["model"] == {"input_size": [128, 256]}
    assert made.by_name["weights.h5"].config["train"] == composed()["train"]
    assert made.by_name["accuracy.json"].config == {"verify": {"max_drop": 0.01}}


def test_a_group_and_its_key_may_both_be_read() -> None:
    """Declaring a group and one of its keys gives the whole group, and leaves the experiment as it was."""
    experiment = config(["a"], train={"epochs": 1, "seed": 2})
    made = plan(experiment, registry(op("one", "a", reads=("train.seed", "train"))))
    assert made.stages[0].config == {"train": {"epochs": 1, "seed": 2}}
    assert experiment["train"] == {"epochs": 1, "seed": 2}


def test_the_users_folder_is_a_source() -> None:
    """A data set of the user's is an input of the plan without a stage, and its place is part of the digests behind it."""
    one, two = (planned("dataset=cityscapes", f"dataset.root=/data/{name}") for name in ("one", "two"))
    assert "images" not in one.by_name
    source = one.by_name["dataset.h5"].inputs[0]
    assert (source.kind, source.path, source.maker, source.tree) == ("images", "/data/one", "", True)
    shared = {stage.name for stage in one.stages if stage.digest == two.by_name[stage.name].digest}
    assert shared == {"arch.json", "target.json"}  # the hardware does not depend on images


def test_a_source_can_be_a_goal() -> None:
    """A goal that is the user's own file plans nothing, and is chosen."""
    made = plan(config(["a"], data={"root": "x"}), registry(op("own", "a", run="", source="data.root")))
    assert (made.stages, made.goals, made.chosen["a"].path) == ((), (), "x")


def test_a_users_file_is_an_input_under_its_key() -> None:
    """The file that a config key names is handed over under that key, relative where it lies in the project."""
    made = planned("model.init=weights/vgg16.h5").by_name["weights.h5"]
    assert [(item.kind, item.path) for item in made.inputs[1:]] == [("model.init", "weights/vgg16.h5")]
    assert len(planned().by_name["weights.h5"].inputs) == 1


def test_goals_can_be_given() -> None:
    """The caller may ask for other kinds than the flow's."""
    made = plan(composed(), declarations(), ["frozen.pb"])
    assert made.goals == ("frozen.pb",)
    assert [stage.op.name for stage in made.stages] == ["synthesize", "pack", "train", "freeze"]


@pytest.mark.parametrize("word", ["weights.h5", "train", "history.json", "previews.h5"])
def test_a_stage_is_found_by_any_of_its_names(word: str) -> None:
    """Task, op, kind and file name all lead to the stage."""
    assert planned().find(word).op.name == "train"


def test_a_stage_is_found_by_path_and_by_kind() -> None:
    """The path of a product leads to its stage, and the kind of an xmodel to the stage that finishes it."""
    made = planned("quant.bias_correction=true")
    assert made.find(made.by_name["frozen.pb"].outputs[1].path).op.name == "freeze"
    assert made.find("int.xmodel").op.name == "correct_bias"


def test_a_word_that_names_no_stage_gets_a_suggestion() -> None:
    """An unknown target is an error with the nearest name."""
    with pytest.raises(PlanError) as caught:
        planned().find("wieghts.h5")
    assert caught.value.suggestion == "weights.h5"


def test_upstream_names_each_maker_once() -> None:
    """The stages before a stage are given once each, even where it takes several files from one."""
    made = planned()
    names = [stage.op.name for stage in made.upstream(made.by_name["report.html"])]
    assert names == ["verify", "train", "chronicle", "pack", "freeze", "calibrate", "simulate", "latency", "target"]


def test_the_digest_is_fixed() -> None:
    """The digest of a given stage never changes by itself: another one would move every artifact of every user."""
    made = plan(
        config(["b"], train={"epochs": 1, "rate": 0.5}),
        registry(op("one", "a", reads=("train",), label="e{train.epochs}"), op("two", "b", "a")),
    )
    assert [stage.outputs[0].path for stage in made.stages] == ["build/a/e1-9e9d999b/a", "build/b/two-404226eb/b"]


def test_what_a_run_takes_is_declared_or_said() -> None:
    """The user's word replaces a declaration and is known as such; it moves nothing."""
    plain = planned().by_name["weights.h5"]
    own = planned("++resources.stages.train.memory=3GB", "++resources.stages.train.vivado=1", "train.threads=1").by_name["weights.h5"]
    assert (plain.resources["cores"], plain.said) == (2, ())
    assert 0 < plain.resources["memory"] < 3 * 10**9
    assert own.resources == {"cores": 1, "memory": 3 * 10**9, "vivado": 1}
    assert own.said == ("memory", "vivado")
    assert planned("++resources.stages.train.memory=3GB").by_name["weights.h5"] == plain
