"""Logs: one line an event, to stderr; JSON where a machine reads them, plain where a person does."""

import logging
import sys

import structlog


def configure(*, machine: bool | None = None) -> None:
    """Call once at the start. `machine` None: JSON unless stderr is a terminal."""
    as_json = not sys.stderr.isatty() if machine is None else machine
    renderer = structlog.processors.JSONRenderer(ensure_ascii=False) if as_json else structlog.dev.ConsoleRenderer()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )


def log(name: str) -> structlog.stdlib.BoundLogger:
    bound: structlog.stdlib.BoundLogger = structlog.get_logger(room=name)
    return bound
