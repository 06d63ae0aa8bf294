"""Where the app role's database is, for a process that serves."""

from __future__ import annotations

from nostro.config import Settings
from nostro.db import roles
from nostro.db.migrate import migrate
from nostro.kernel.errors import Misconfigured


async def app_url(settings: Settings) -> str:
    """Given by `nostro up`, or derived from the owner's. Raises Misconfigured when there is none."""
    if settings.app_url is not None:
        return settings.app_url.reveal()
    if settings.database_url is None:
        raise Misconfigured("give --database-url, or run `nostro up`, which has its own database")
    urls = await roles.ensure(settings.database_url.reveal())
    await migrate(urls.owner)
    return urls.app
