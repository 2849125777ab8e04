"""Keycloak, from Maven Central: installed once into the virtual environment, and started with a realm of our own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx2

from tests.openid.support import AUDIENCE, SECRET
from tests.openid.tab import Tab, wait_until

VERSION: Final = "26.7.3"
FOLDER: Final = Path(sys.prefix) / "keycloak"
REALM: Final = "main"
PASSWORD: Final = "a password"
_MAVEN_PLUGIN: Final = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy"
STARTED_S: Final = 900
"""The first start also builds Keycloak for its settings, which can take minutes on a busy machine."""


def install() -> Path:
    """Return the folder of Keycloak, which is downloaded from Maven Central on first use (177 MB)."""
    home = FOLDER / f"keycloak-{VERSION}"
    if not home.exists():
        archive = FOLDER / f"keycloak-quarkus-dist-{VERSION}.zip"
        artifact = f"org.keycloak:keycloak-quarkus-dist:{VERSION}:zip"
        command = ["mvn", "-q", "-B", _MAVEN_PLUGIN, f"-Dartifact={artifact}", f"-DoutputDirectory={FOLDER}"]
        subprocess.run(command, check=True)
        with zipfile.ZipFile(archive) as packed:
            packed.extractall(FOLDER)
        archive.unlink()
    return home


@contextmanager
def keycloak(port: int, server: str, folder: Path) -> Iterator[Keycloak]:
    """A running Keycloak whose people sign in to a server; it stores nothing, and writes its log into a folder."""
    home = install()
    imports = home / "data" / "import"
    imports.mkdir(parents=True, exist_ok=True)
    (imports / "realm.json").write_text(json.dumps(_realm(server)))
    options = [f"--http-port={port}", "--http-host=127.0.0.1", "--db=dev-mem", "--import-realm"]
    environment = {"KC_BOOTSTRAP_ADMIN_USERNAME": "admin", "KC_BOOTSTRAP_ADMIN_PASSWORD": PASSWORD}
    command = ["sh", home / "bin" / "kc.sh", "start-dev", *options]
    with (
        (folder / "keycloak.log").open("wb") as output,
        subprocess.Popen(command, env=os.environ | environment, stdout=output, stderr=output) as process,
    ):
        try:
            running = Keycloak(f"http://127.0.0.1:{port}")
            wait_until(lambda: running.is_ready() or process.poll() is not None, STARTED_S)
            assert process.poll() is None, (folder / "keycloak.log").read_text()[-2000:]
            yield running
        finally:
            process.terminate()


class Keycloak:
    """The actions of the realm's administrator."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.issuer = f"{address}/realms/{REALM}"
        self.endpoints = f"{self.issuer}/protocol/openid-connect"

    def is_ready(self) -> bool:
        """Whether it answers for the realm."""
        try:
            return httpx2.get(f"{self.issuer}/.well-known/openid-configuration", timeout=30).status_code == 200
        except httpx2.HTTPError:
            return False

    def tokens(self) -> tuple[str, str]:
        """An access token for the API and an ID token that a program got in the name of Ann."""
        form = {"grant_type": "password", "username": "ann", "password": PASSWORD, "scope": "openid"}
        answer = httpx2.post(f"{self.endpoints}/token", data=form, auth=("tool", "another"), timeout=60).json()
        assert "access_token" in answer, answer
        return str(answer["access_token"]), str(answer["id_token"])

    def rotate_keys(self) -> None:
        """Sign with a new key from now on, and stop publishing the old one."""
        admin = self._administrator()
        old = admin.get("components", params={"type": "org.keycloak.keys.KeyProvider"}).json()
        new = {
            "name": "new",
            "providerId": "rsa-generated",
            "providerType": "org.keycloak.keys.KeyProvider",
            "config": {"priority": ["200"], "keyUse": ["SIG"], "algorithm": ["RS256"]},
        }
        assert admin.post("components", json=new).status_code == 201
        for each in old:
            if each["providerId"] == "rsa-generated":
                assert admin.delete(f"components/{each['id']}").status_code == 204

    def leave_group(self) -> None:
        """Remove Ann from the group."""
        admin = self._administrator()
        (ann,) = admin.get("users", params={"username": "ann"}).json()
        for group in admin.get(f"users/{ann['id']}/groups").json():
            assert admin.delete(f"users/{ann['id']}/groups/{group['id']}").status_code == 204

    def _administrator(self) -> httpx2.Client:
        form = {"grant_type": "password", "client_id": "admin-cli", "username": "admin", "password": PASSWORD}
        token = httpx2.post(
            f"{self.address}/realms/master/protocol/openid-connect/token", data=form, timeout=60
        ).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        return httpx2.Client(base_url=f"{self.address}/admin/realms/{REALM}/", headers=headers, timeout=60)


class KeycloakTab(Tab):
    """A tab in which Keycloak's own forms are answered."""

    def answer_forms(self) -> None:
        self.page.locator("#username").fill("ann")
        self.page.locator("#password").fill(PASSWORD)
        self.page.locator("#kc-login").click()

    def confirm_sign_out(self, page: Any) -> None:
        """Keycloak asks only if the request does not show whose session ends."""
        button = page.locator("#kc-logout")
        page.wait_for_load_state("load")
        if button.count():
            button.click()


def _realm(server: str) -> dict[str, Any]:
    groups = _mapper("oidc-group-membership-mapper", {"claim.name": "groups", "full.path": "true"})
    audience = _mapper("oidc-audience-mapper", {"included.custom.audience": AUDIENCE})
    log = {
        "clientId": "log",
        "secret": SECRET,
        "redirectUris": [f"{server}/sign-in/callback"],
        "protocolMappers": [groups],
        "attributes": {
            "post.logout.redirect.uris": f"{server}/sign-in",
            "backchannel.logout.url": f"{server}/sign-in/backchannel-logout",
            "backchannel.logout.session.required": "true",
            "pkce.code.challenge.method": "S256",
        },
    }
    tool = {
        "clientId": "tool",
        "secret": "another",
        "directAccessGrantsEnabled": True,
        "protocolMappers": [groups, audience],
    }
    ann = {
        "username": "ann",
        "enabled": True,
        "email": "ann@example.org",
        "emailVerified": True,
        "firstName": "Ann",
        "lastName": "Bee",
        "groups": ["/product"],
        "credentials": [{"type": "password", "value": PASSWORD, "temporary": False}],
    }
    return {
        "realm": REALM,
        "enabled": True,
        "groups": [{"name": "product"}],
        "clients": [log, tool],
        "users": [ann],
    }


def _mapper(kind: str, config: dict[str, str]) -> dict[str, Any]:
    everywhere = {"id.token.claim": "true", "access.token.claim": "true", "userinfo.token.claim": "true"}
    return {"name": kind, "protocol": "openid-connect", "protocolMapper": kind, "config": {**everywhere, **config}}
