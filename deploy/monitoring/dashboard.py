"""``python -m deploy.monitoring.dashboard``: write the Grafana dashboard anew.

A row a question: is it up and fast, what does Triton do, what becomes of tasks and webhooks.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

FILE = Path(__file__).with_name("dashboard.json")
_COLUMNS = 24
_HEIGHT = 8


class Panel(NamedTuple):
    """One graph: its title, Grafana's unit, and queries with what each line is called."""

    title: str
    unit: str
    queries: dict[str, str]
    """Legend → PromQL."""


_RATE = "[$__rate_interval]"
ROWS: dict[str, list[Panel]] = {
    "Requests": [
        Panel(
            "Requests by status",
            "reqps",
            {"{{status}}": f"sum by (status) (rate(acousticsense_requests_total{_RATE}))"},
        ),
        Panel(
            "Time to the answer's end",
            "s",
            {
                f"p{share} {{{{route}}}}": f"histogram_quantile(.{share}, sum by (route, le) "
                f'(rate(acousticsense_request_seconds_bucket{{route=~"/a.*"}}{_RATE})))'
                for share in (50, 99)
            },
        ),
        Panel(
            "Faults and refusals",
            "percentunit",
            {
                "500 and 504": "acousticsense:faults:share5m",
                "429 and 503": "acousticsense:refusals:share5m",
            },
        ),
        Panel(
            "Requests under way",
            "none",
            {"{{instance}}": "acousticsense_requests_in_flight"},
        ),
        Panel(
            "Where inference time goes, mean",
            "s",
            {
                "{{stage}}": f"sum by (stage) (rate(acousticsense_stage_seconds_sum{_RATE})) / "
                f"sum by (stage) (rate(acousticsense_stage_seconds_count{_RATE}))"
            },
        ),
        Panel(
            "Analyses found in the cache",
            "percentunit",
            {
                "share": f'sum(rate(acousticsense_cache_lookups_total{{found="true"}}{_RATE})) / '
                f"sum(rate(acousticsense_cache_lookups_total{_RATE}))"
            },
        ),
    ],
    "Triton": [
        Panel(
            "Waiting for each second of work",
            "none",
            {"queue ÷ compute": "acousticsense:triton_queue_to_compute:ratio2m"},
        ),
        Panel(
            "Requests waiting",
            "none",
            {"{{model}}": "sum by (model) (nv_inference_pending_request_count)"},
        ),
        Panel(
            "Inferences",
            "reqps",
            {"{{model}}": f"sum by (model) (rate(nv_inference_request_success{_RATE}))"},
        ),
        Panel(
            "Failures by reason",
            "reqps",
            {
                "{{model}} {{reason}}": "sum by (model, reason) "
                f"(rate(nv_inference_request_failure{_RATE})) > 0"
            },
        ),
    ],
    "Tasks and webhooks": [
        Panel(
            "Tasks that are not over",
            "none",
            {"{{state}}": "max by (state) (acousticsense_tasks_open)"},
        ),
        Panel("Age of the oldest", "s", {"age": "max(acousticsense_task_oldest_seconds)"}),
        Panel(
            "Accepted and ended",
            "cpm",
            {
                "accepted, {{kind}}": "60 * sum by (kind) "
                f"(rate(acousticsense_tasks_accepted_total{_RATE}))",
                "{{state}}": f"60 * sum by (state) (rate(acousticsense_tasks_ended_total{_RATE}))",
            },
        ),
        Panel(
            "Webhook calls",
            "cpm",
            {
                "{{outcome}}": "60 * sum by (outcome) "
                f"(rate(acousticsense_deliveries_total{_RATE}))",
            },
        ),
        Panel(
            "Webhook calls that wait",
            "none",
            {"waiting": "max(acousticsense_deliveries_waiting)"},
        ),
    ],
}


def dashboard() -> dict[str, Any]:
    """The dashboard as Grafana imports it (schema 39, Grafana 10 and later)."""
    panels: list[dict[str, Any]] = []
    top = 0
    for name, row in ROWS.items():
        panels.append(_placed({"type": "row", "title": name, "panels": []}, panels, 0, top, 24, 1))
        top += 1
        for number, panel in enumerate(row):
            left, below = number % 3 * _COLUMNS // 3, number // 3 * _HEIGHT
            panels.append(_placed(_graph(panel), panels, left, top + below, _COLUMNS // 3, _HEIGHT))
        top += -(-len(row) // 3) * _HEIGHT
    return {
        "uid": "acousticsense",
        "title": "AcousticSense",
        "schemaVersion": 39,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "templating": {
            "list": [{"name": "source", "type": "datasource", "query": "prometheus"}],
        },
        "panels": panels,
    }


def _placed(
    content: dict[str, Any], before: list[dict[str, Any]], x: int, y: int, w: int, h: int
) -> dict[str, Any]:
    return {"id": len(before) + 1, **content, "gridPos": {"x": x, "y": y, "w": w, "h": h}}


def _graph(panel: Panel) -> dict[str, Any]:
    source = {"type": "prometheus", "uid": "${source}"}
    return {
        "type": "timeseries",
        "title": panel.title,
        "datasource": source,
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "targets": [
            {
                "refId": chr(ord("A") + i),
                "datasource": source,
                "expr": query,
                "legendFormat": legend,
            }
            for i, (legend, query) in enumerate(panel.queries.items())
        ],
    }


if __name__ == "__main__":
    FILE.write_text(json.dumps(dashboard(), indent=1) + "\n")
