"""The install step: from published files to what is run, once for each file.

This package needs onnx, which speaking does not; so it is imported when something is installed.
"""
