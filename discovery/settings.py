"""What a service or a caller reads from the environment, and a warning for each name that looks misspelt."""

from __future__ import annotations

import difflib
import ssl
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import SplitResult, urlsplit

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from discovery.errors import SettingsError
from discovery.retry import TERMS, Terms


class ServiceSettings(BaseSettings):
    """How an instance listens and what it tells the registry about itself."""

    model_config = SettingsConfigDict(env_prefix="SERVICE_", env_ignore_empty=True)

    host: str = "127.0.0.1"
    port: int = Field(default=0, ge=0, le=65535, description="0 takes any free port")
    id: str | None = Field(default=None, description="default: <service>-<host>-<port>")
    advertise: str | None = Field(default=None, description="address that others reach; default: the host")
    version: str = Field(default="dev", description="of the service, for people who look at the registry")
    linger: float = Field(default=1.0, ge=0, description="seconds of answering after deregistration")
    drain: float = Field(default=20.0, ge=0, description="seconds that requests in flight may take then")


class CallSettings(BaseSettings):
    """On which terms services are called, by a gateway and by `client()`."""

    model_config = SettingsConfigDict(env_prefix="CALL_", env_ignore_empty=True)

    attempts: int = Field(default=TERMS.attempts, ge=1, le=10, description="for one request, each elsewhere if it can")
    attempt_timeout: float = Field(default=TERMS.attempt_timeout, gt=0, description="where another attempt may follow")
    hedging: bool = Field(
        default=TERMS.hedging, description="a second attempt beside a slow one, where it does no harm"
    )
    retry_share: float = Field(default=TERMS.retry_share, ge=0, le=1, description="of requests that may be retries")
    retry_reserve: float = Field(default=TERMS.retry_reserve, ge=0, description="retries a second on top of that")

    def terms(self) -> Terms:
        return Terms(self.attempts, self.attempt_timeout, self.hedging, self.retry_share, self.retry_reserve)


class ConsulSettings(BaseSettings):
    """Where Consul is and how to speak to it: the variables that Consul's own tools read."""

    model_config = SettingsConfigDict(env_prefix="CONSUL_", env_ignore_empty=True)

    http_addr: str = "127.0.0.1:8500"
    http_token: str | None = Field(default=None, repr=False)
    http_token_file: Path | None = None
    http_ssl: bool = False
    http_ssl_verify: bool = True
    cacert: Path | None = None
    capath: Path | None = None
    client_cert: Path | None = None
    client_key: Path | None = None
    tls_server_name: str | None = None

    @field_validator("http_addr")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        try:
            parts = urlsplit(value if "//" in value else f"//{value}")
            is_one = parts.scheme in ("", "http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:  # its words would quote the value
            is_one = False
        if not is_one:
            raise ValueError("expected HOST:PORT or http(s)://HOST:PORT")
        return value

    @property
    def scheme(self) -> str:
        said = urlsplit(self.http_addr).scheme if "//" in self.http_addr else ""
        return "https" if self.http_ssl else said or "http"

    @property
    def host(self) -> str:
        return self._split().hostname or "127.0.0.1"

    @property
    def port(self) -> int:
        """Consul's own tools take 443 or 80 for a URL without one, which is how an agent behind a proxy is named."""
        by_scheme = {"https": 443, "http": 80}[self.scheme] if "//" in self.http_addr else 8500
        return self._split().port or by_scheme

    def token(self) -> str | None:
        """A token file wins over the token itself, as in Consul's own tools. Raises SettingsError."""
        token = self.http_token if self.http_token_file is None else _contents(self.http_token_file)
        if token and not (token.isascii() and token.isprintable()):
            raise SettingsError("the token for Consul has characters that no header can carry")
        return token or None

    def tls(self) -> ssl.SSLContext | bool:
        """The context for calls to Consul over https. Raises SettingsError for files that cannot be used."""
        if self.scheme == "http":
            return False
        try:
            context = ssl.create_default_context(cafile=self.cacert, capath=self.capath)
            if self.client_cert is not None:
                context.load_cert_chain(self.client_cert, self.client_key)
        except (OSError, ssl.SSLError) as error:
            raise SettingsError(f"the TLS files for Consul cannot be used: {error}") from error
        if not self.http_ssl_verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context

    def _split(self) -> SplitResult:
        return urlsplit(self.http_addr if "//" in self.http_addr else f"//{self.http_addr}")


def _contents(token_file: Path) -> str:
    try:
        return token_file.read_text().strip()
    except UnicodeDecodeError:
        raise SettingsError("CONSUL_HTTP_TOKEN_FILE is not text") from None
    except OSError as error:
        raise SettingsError(f"CONSUL_HTTP_TOKEN_FILE cannot be read: {error.strerror}") from error


Settings = TypeVar("Settings", bound=BaseSettings)


def load(settings: type[Settings], **said: Any) -> Settings:
    """Read settings from the environment, with what was said in code before it.

    Raises SettingsError that names the variable but not its value.
    """
    try:
        return settings(**said)
    except ValidationError as error:
        prefix = settings.model_config.get("env_prefix", "")
        found = [f"{prefix}{each['loc'][0]}".upper() + f": {each['msg']}" for each in error.errors()]
        raise SettingsError("; ".join(found)) from None


def names(settings: Iterable[type[BaseSettings]]) -> set[str]:
    """Every variable that these settings read."""
    return {
        f"{each.model_config.get('env_prefix', '')}{name}".upper() for each in settings for name in each.model_fields
    }


def misspelt(environ: Mapping[str, str], settings: Iterable[type[BaseSettings]]) -> dict[str, str]:
    """Variables that begin like one of ours but are none, each with the name that was probably meant.

    `CONSUL_` is left alone: Consul's own tools read more of those than we do.
    """
    settings = tuple(settings)
    known = names(settings)
    prefixes = tuple({each.model_config.get("env_prefix", "") for each in settings} - {"CONSUL_", ""})
    strangers = sorted(name for name in environ if name.startswith(prefixes) and name not in known)
    return {name: _meant(name, next(filter(name.startswith, prefixes)), known) for name in strangers}


def _meant(name: str, prefix: str, known: Iterable[str]) -> str:
    """The name that differs least after the prefix, which all have in common."""
    rests = [each.removeprefix(prefix) for each in known if each.startswith(prefix)]
    closest = difflib.get_close_matches(name.removeprefix(prefix), rests, n=1)
    return prefix + closest[0] if closest else ""
