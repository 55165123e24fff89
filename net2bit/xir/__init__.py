"""The graph IR: XIR's own vocabulary in typed Python, its passes, and the .xmodel format. numpy only."""
