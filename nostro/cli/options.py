"""The options that commands share, each with its NOSTRO_… variable."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

PORT_MAX = 65_535
BOOK_MAX = 65_535
LONGEST_MS = 86_400_000
LARGEST = 2**63 - 1  # that the database can hold
TOP_UP_MAX = 10**12  # of which a balance can hold some millions
WHOLE_IN_BASIS_POINTS = 10_000


def _option(
    variable: str, help: str, least: int | None = None, most: int | None = None
) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(
        envvar=f"NOSTRO_{variable}", help=help, show_default=False, min=least, max=most
    )
    return option


DataDir = Annotated[Path | None, _option("DATA_DIR", "Where data live. [default: ./.nostro]")]
Host = Annotated[str | None, _option("HOST", "Address of the API. [default: 127.0.0.1]")]
Port = Annotated[int | None, _option("PORT", "Port of the API. [default: 4242]", 1, PORT_MAX)]
SandboxPort = Annotated[
    int | None,
    _option("SANDBOX_PORT", "Port of the sandbox acquirer. [default: 4243]", 0, PORT_MAX),
]
SandboxUrl = Annotated[
    str | None, _option("SANDBOX_URL", "A sandbox acquirer that runs elsewhere.")
]
SandboxManner = Annotated[
    str | None,
    _option(
        "SANDBOX_MANNER",
        "What the sandbox can be asked; several, separated by commas, start several. [default: honours]",
    ),
]
Acquirers = Annotated[
    str | None, _option("ACQUIRERS", "The acquirers: name=URL[#manner], separated by commas.")
]
Routing = Annotated[
    Path | None,
    typer.Option(
        "--routing",
        envvar="NOSTRO_ROUTING",
        help="A TOML file of routing rules.",
        show_default=False,
    ),
]
DatabaseUrl = Annotated[str | None, _option("DATABASE_URL", "An external PostgreSQL, 15 or newer.")]
SecretKey = Annotated[str | None, _option("SECRET_KEY", "Seeds the first account's sk_test_… key.")]
FeeBasisPoints = Annotated[
    int | None,
    _option(
        "FEE_BASIS_POINTS", "Fee per payment, in 1/100 %. [default: 0]", 0, WHOLE_IN_BASIS_POINTS
    ),
]
FeeFixed = Annotated[
    int | None,
    _option("FEE_FIXED", "Fixed fee per payment, in minor units. [default: 0]", 0, LARGEST),
]
Book = Annotated[
    int,
    typer.Option(
        envvar="NOSTRO_BOOK",
        help="The book: 1 is the test book, 2 the live one.",
        min=0,
        max=BOOK_MAX,
    ),
]
Json = Annotated[
    bool, typer.Option("--json", envvar="NOSTRO_JSON", help="Print JSON, for programs.")
]
