"""Makes an AIVMX file of a voice in the published layout.

python tests/models/make_aivmx.py FOLDER VOICE.aivmx
"""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import Any

import onnx

NAMES = {"x": "x_tst", "x_lengths": "x_tst_lengths", "sid": "sids", "tone": "tones"}
"""What the exporter of AIVMX files calls inputs that others call otherwise."""


def make_aivmx(folder: Path, path: Path, *, renamed: bool = True, **changes: Any) -> Path:
    """Write an AIVMX file and return its path.

    Args:
        folder: The voice.
        path: The file.
        renamed: Name the inputs as AIVMX files do.
        changes: Of the manifest, or of a part of the metadata by its key; None removes it.
    """
    config = (folder / "config.json").read_text("utf-8")
    manifest = manifest_of(json.loads(config))
    parts: dict[str, Any] = {
        "aivm_manifest": manifest,
        "aivm_hyper_parameters": config,
        "aivm_style_vectors": base64.b64encode(
            (folder / "style_vectors.npy").read_bytes()
        ).decode(),
    }
    for name, value in changes.items():
        (parts if name in parts else manifest)[name] = value
    if isinstance(parts["aivm_manifest"], dict):
        parts["aivm_manifest"] = json.dumps(parts["aivm_manifest"], ensure_ascii=False)
    model = onnx.load(folder / "synthesizer.onnx")
    if renamed:
        rename_inputs(model)
    onnx.helper.set_model_props(model, {key: text for key, text in parts.items() if text})
    onnx.save(model, path)
    return path


def manifest_of(config: dict[str, Any]) -> dict[str, Any]:
    """A manifest that says what ``config.json`` says, and who made the voice."""
    icon = "data:image/png;base64," + "A" * 4000
    return {
        "manifest_version": "1.0",
        "name": "はな",
        "description": "乱数の声です。",
        "creators": ["Jane Doe <jane@example.com> (https://example.com/jane)", "John"],
        "license": "[CC BY-SA 4.0](https://creativecommons.org/licenses/by-sa/4.0/)",
        "model_architecture": "Style-Bert-VITS2 (JP-Extra)",
        "model_format": "ONNX",
        "training_epochs": None,
        "uuid": "00000000-0000-0000-0000-000000000000",
        "version": "1.2.0",
        "speakers": [
            {
                "name": name,
                "icon": icon,
                "supported_languages": ["ja"],
                "uuid": "00000000-0000-0000-0000-000000000001",
                "local_id": local_id,
                "styles": [
                    {"name": style, "icon": None, "local_id": row, "voice_samples": []}
                    for style, row in config["data"]["style2id"].items()
                ],
            }
            for name, local_id in config["data"]["spk2id"].items()
        ],
    }


def rename_inputs(model: onnx.ModelProto) -> None:
    """Name the inputs of a synthesizer as AIVMX files do."""
    for item in model.graph.input:
        item.name = NAMES.get(item.name, item.name)
    for node in model.graph.node:
        node.input[:] = [NAMES.get(name, name) for name in node.input]


if __name__ == "__main__":
    make_aivmx(Path(sys.argv[1]), Path(sys.argv[2]))
