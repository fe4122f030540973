"""Models on a CPU in 8-bit integers, as ONNX graphs."""
