"""Settings of language models: what is refused, and that no secret is shown."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from theia_bridge.config import ConfigError, describe, load

KEY = "sk-0123456789abcdef"
URL = "https://me:hunter2@models.example.com/v1"
MODELS = ("m-1",)


def test_what_is_secret_is_not_shown() -> None:
    settings = load(chat_models=MODELS, chat_base_url=URL, chat_api_key=KEY)
    shown = describe(settings) + repr(settings.chat_api_key)
    assert KEY not in shown
    assert "hunter2" not in shown
    assert 'chat_base_url = "https://********@models.example.com/v1"' in shown
    assert (settings.chat_key, settings.chat_base_url) == (KEY, URL)


def test_the_key_may_be_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(f"{KEY}\n")
    assert load(chat_api_key_file=str(file)).chat_key == KEY


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"chat_models": MODELS}, "chat_base_url"),
        ({"chat_models": MODELS, "chat_base_url": "me:hunter2@models.example.com"}, "https://"),
        ({"chat_api_key_file": "/nowhere"}, "/nowhere cannot be read"),
        ({"chat_api_key_file": "/nowhere", "chat_api_key": KEY}, "not both"),
        ({"chat_default_model": "other"}, "echo"),
        ({"chat_default_model": "echo", "chat_echo": False}, "none of the models"),
        ({"chat_models": ("echo",), "chat_base_url": URL}, "chat_echo"),
        ({"chat_timeout_seconds": 0, "chat_base_url": URL, "chat_api_key": KEY}, "chat_timeout_seconds"),
    ],
)
def test_what_is_wrong_is_named_and_no_secret_is(given: dict[str, object], says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(**({"chat_api_key": KEY} | given if "chat_api_key_file" not in given else given))
    assert says in str(caught.value)
    assert KEY not in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_who_asks_no_endpoint_does_not_load_its_library() -> None:
    """It takes a third of a second and 25 MB."""
    program = "import sys, theia_bridge.app; sys.exit('openai' in sys.modules or 'httpx2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
