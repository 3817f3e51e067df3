"""Dagster's SQLite event log with its connections kept open.

Dagster opens and closes a connection for every event. Closing the last one makes SQLite write its
log back into the database, and a new engine has no compiled statements: together some 15 ms
an event, for the thousands of events of a run over all countries. Kept open, and with the sync
mode that SQLite's manual recommends for WAL, it is about 3 ms. A power cut can lose the last
events of the history, never the data and never the history's integrity.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as db
from dagster import Field, StringSource
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.pool import StaticPool

from segment1b_assets.dagster_internals import SQLITE_BUSY_TIMEOUT_SECONDS, SqliteEventLogStorage

#: Run databases kept open at the same time, beside the index.
OPEN_SHARDS = 8


class WarmSqliteEventLogStorage(SqliteEventLogStorage):
    """The same databases at the same paths; only the connections differ."""

    def __init__(self, base_dir: str, inst_data: Any = None) -> None:
        self._engines: OrderedDict[str, Engine] = OrderedDict()
        self._tables: set[str] = set()
        super().__init__(base_dir, inst_data)

    @classmethod
    def config_type(cls) -> Any:
        return {"base_dir": Field(StringSource, is_required=False)}

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Any) -> WarmSqliteEventLogStorage:
        default = os.path.join(os.environ.get("DAGSTER_HOME", "."), "history", "runs")
        return cls(config_value.get("base_dir", default), inst_data)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock:
            engine = self._engine(shard)
            with engine.connect() as connection, connection.begin():
                yield connection

    def _engine(self, shard: str) -> Engine:
        engine = self._engines.get(shard)
        if engine is None:
            engine = db.create_engine(
                self.conn_string_for_shard(shard),
                poolclass=StaticPool,
                connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS, "check_same_thread": False},
            )
            db.event.listen(engine, "connect", _relax_sync)
            self._engines[shard] = engine
            while len(self._engines) > OPEN_SHARDS + 1:
                oldest = next(name for name in self._engines if name != "index")
                self._engines.pop(oldest).dispose()
                self._initialized_dbs.discard(oldest)
        self._engines.move_to_end(shard)
        if shard not in self._initialized_dbs:
            self._initdb(engine)
            self._initialized_dbs.add(shard)
        return engine

    def has_table(self, table_name: str) -> bool:
        """Called for every event; an existing table is never dropped."""
        if table_name not in self._tables:
            if not super().has_table(table_name):
                return False
            self._tables.add(table_name)
        return True

    def dispose(self) -> None:
        while self._engines:
            self._engines.popitem()[1].dispose()
        super().dispose()


def _relax_sync(connection: Any, record: Any) -> None:
    connection.execute("PRAGMA synchronous=NORMAL")
