"""Neural voices on torch: on a GPU, or on the CPU to be tested there."""
