"""What a program under ``exec`` finds: variables, certificates, what is for OpenCode and Codex."""

from __future__ import annotations

import json
import os
import ssl
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import pytest

from addon.accounts.account import Account, ApiKeyCredential
from addon.cli.exec.certificates import Certificates, usual
from addon.cli.exec.clients import (
    OPENCODE_VARIABLE,
    Call,
    codex_command,
    models_of,
    opencode_config,
)
from addon.cli.exec.environment import proxy_environment, without_our_own
from addon.cli.failure import CommandFailed
from addon.cli.surroundings import Surroundings
from tests.support.tls import CertificateAuthority

PROXY: Final = "http://127.0.0.1:1"
BASE: Final = "http://127.0.0.1:2/v1"
CODER: Final = "qwen3-coder-plus"

# Variables


def variables(env: dict[str, str], platform: str = "linux") -> dict[str, str]:
    return proxy_environment(env, proxy_url=PROXY, base_url=BASE, platform=platform)


def test_each_kind_of_client_finds_the_proxy_by_the_name_it_knows() -> None:
    loopback = "127.0.0.1,localhost,::1"
    assert variables({}) == {
        "OPENAI_BASE_URL": BASE,
        "OPENAI_API_BASE": BASE,
        "OPENAI_API_KEY": "any",
        "HTTPS_PROXY": PROXY,
        "https_proxy": PROXY,
        "NO_PROXY": loopback,
        "no_proxy": loopback,
    }


def test_a_key_stays_and_hosts_without_proxy_too() -> None:
    found = variables({"OPENAI_API_KEY": "sk-mine", "no_proxy": "corp.example,localhost"})
    assert "OPENAI_API_KEY" not in found
    assert found["NO_PROXY"] == "corp.example,localhost,127.0.0.1,::1"


def test_on_windows_a_variable_has_one_name() -> None:
    assert not [name for name in variables({}, "win32") if name.islower()]


def test_the_clone_is_taken_off_pythons_path_again(tmp_path: Path) -> None:
    path = os.pathsep.join((str(tmp_path), "/their/own"))
    assert without_our_own({"PYTHONPATH": path, "A": "b"}, tmp_path) == {
        "PYTHONPATH": "/their/own",
        "A": "b",
    }
    assert without_our_own({"PYTHONPATH": str(tmp_path)}, tmp_path) == {}


# Certificates


@pytest.fixture
def ca(tmp_path: Path) -> Path:
    """The proxy's."""
    folder = tmp_path / "ours"
    folder.mkdir()
    return CertificateAuthority.create(folder).certificate


@pytest.fixture
def corporate(tmp_path: Path) -> Path:
    """One that the user has been told to trust."""
    folder = tmp_path / "theirs"
    folder.mkdir()
    return CertificateAuthority.create(folder).certificate


def trusted(path: str | Path) -> set[bytes]:
    """Whom OpenSSL trusts with this file."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(path)
    return {*context.get_ca_certs(binary_form=True)}


def certificates(folder: Path, env: dict[str, str], said: list[str] | None = None) -> Certificates:
    return Certificates(folder, env, (said if said is not None else []).append)


def test_the_usual_certificates_are_there_beside_the_proxys(tmp_path: Path, ca: Path) -> None:
    found = certificates(tmp_path, {}).for_programs(ca)
    assert {*found} == {
        "NODE_EXTRA_CA_CERTS",
        "SSL_CERT_FILE",
        "REQUESTS_CA_BUNDLE",
        "CURL_CA_BUNDLE",
    }
    assert trusted(found["NODE_EXTRA_CA_CERTS"]) == trusted(ca)
    assert trusted(found["SSL_CERT_FILE"]) > trusted(ca)
    assert len(trusted(found["SSL_CERT_FILE"])) > len(usual()) / 3 > 10


@pytest.mark.parametrize("name", ["NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "CODEX_CA_CERTIFICATE"])
def test_what_a_variable_names_already_is_kept_in_it(
    tmp_path: Path, ca: Path, corporate: Path, name: str
) -> None:
    mine = certificates(tmp_path, {name: str(corporate)})
    assert trusted(mine.for_programs(ca)[name]) == trusted(ca) | trusted(corporate)
    for_the_proxy = mine.for_the_proxy()
    assert for_the_proxy is not None
    assert trusted(for_the_proxy) > trusted(corporate)


def test_a_file_that_is_not_there_is_told_of_and_made_up_for(tmp_path: Path, ca: Path) -> None:
    said: list[str] = []
    mine = certificates(tmp_path, {"SSL_CERT_FILE": "/no/such.pem"}, said)
    assert said == [
        "SSL_CERT_FILE names /no/such.pem, which cannot be read: No such file or directory"
    ]
    assert trusted(mine.for_programs(ca)["SSL_CERT_FILE"]) > trusted(ca)
    assert mine.for_the_proxy() is None


# OpenCode


def opencode(folder: Path, env: Mapping[str, str] = MappingProxyType({}), *models: str) -> Any:
    project = folder / "project" / "below"
    project.mkdir(parents=True, exist_ok=True)
    (folder / "project" / ".git").mkdir(exist_ok=True)
    call = Call(["opencode"], BASE, models or (CODER,))
    around = Surroundings(env={"XDG_CONFIG_HOME": str(folder / "config"), **env}, cwd=project)
    return json.loads(opencode_config(call, around))


def test_opencode_gets_a_provider_and_a_model(tmp_path: Path) -> None:
    config = opencode(tmp_path, {}, CODER, "my-own")
    assert config["model"] == f"qwen/{CODER}"
    provider = config["provider"]["qwen"]
    assert provider["options"]["baseURL"] == BASE
    assert provider["models"][CODER]["limit"]["context"] == 1_000_000
    assert provider["models"]["my-own"] == {}


def test_what_the_variable_holds_already_is_kept(tmp_path: Path) -> None:
    given = '{"theme": "x", /* mine */ "provider": {"mine": {}, "qwen": {"name": "old"}},}'
    config = opencode(tmp_path, {OPENCODE_VARIABLE: given})
    assert config["theme"] == "x"
    assert {*config["provider"]} == {"mine", "qwen"}
    assert config["provider"]["qwen"]["options"]["baseURL"] == BASE


@pytest.mark.parametrize("given", ["{", "[]"])
def test_what_is_no_config_is_named(tmp_path: Path, given: str) -> None:
    with pytest.raises(CommandFailed, match=OPENCODE_VARIABLE):
        opencode(tmp_path, {OPENCODE_VARIABLE: given})


@pytest.mark.parametrize(
    "path",
    [
        "config/opencode/opencode.jsonc",
        "config/opencode/config.json",
        "project/opencode.json",
        "project/below/.opencode/opencode.json",
        "named.json",
    ],
)
def test_a_model_that_somebody_has_chosen_stays(tmp_path: Path, path: str) -> None:
    file = tmp_path / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text('{"model": "theirs/own"} // chosen')
    assert "model" not in opencode(tmp_path, {"OPENCODE_CONFIG": str(tmp_path / "named.json")})


# Models


def account(**fields: Any) -> Account:
    return Account("id", ApiKeyCredential("sk-0123456789abcdef"), **fields)


@pytest.mark.parametrize(
    ("accounts", "named", "models"),
    [
        ([], [], [CODER, "qwen3-vl-plus"]),
        ([account()], ["more"], [CODER, "qwen3-vl-plus", "more"]),
        ([account(models=frozenset({"b", "a"}))], [], ["a", "b"]),
        ([account(models=frozenset({"a", CODER}))], [], [CODER, "a"]),
        ([account(model_map={"a": "x"})], [], [CODER, "qwen3-vl-plus", "a"]),
    ],
)
def test_models_are_those_that_the_accounts_serve(
    accounts: list[Account], named: list[str], models: list[str]
) -> None:
    assert models_of(accounts, named) == models


# Codex


def codex(*command: str) -> list[str]:
    return codex_command(Call(command, BASE, [CODER]))


def test_codex_gets_a_provider_before_all_else() -> None:
    provider = f'model_providers.qwen={{name="Qwen", base_url="{BASE}", wire_api="responses"}}'
    expected = ["-c", provider, "-c", 'model_provider="qwen"', "-c", f'model="{CODER}"']
    assert codex("/usr/bin/codex", "exec", "-c", "a=b", "Hi") == [
        *("/usr/bin/codex", *expected, "exec", "-c", "a=b", "Hi")
    ]


@pytest.mark.parametrize(
    "command",
    [
        ("codex", "-c", "model_provider=mine"),
        ("codex", "exec", "--config=model_provider=mine"),
        ("codex", "--profile", "work"),
        ("codex", "--profile=work"),
        ("codex", "-p", "work"),
        ("codex", "--oss"),
        ("codexes", "exec"),
        ("sh", "codex"),
    ],
    ids=" ".join,
)
def test_where_another_is_chosen_codex_is_left_alone(command: tuple[str, ...]) -> None:
    assert codex(*command) == [*command]
