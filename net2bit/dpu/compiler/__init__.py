"""From a quantized graph to DPU machine code: layers, schedule, instructions, xmodel."""
