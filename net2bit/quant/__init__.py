"""The int8 power-of-two quantizer: fix positions, calibration, the fake-quantized and the integer form. numpy only."""
