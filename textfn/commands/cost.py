"""`textfn cost`: what a million texts cost on AWS Lambda, beside Workers AI's price for them."""

import argparse
import json
import math
import sys
from typing import Any

from shared.errors import UnknownModel
from shared.manifest import BadManifest
from textfn.pricing.measuring import TOKENS_A_TEXT, figures
from textfn.pricing.pricing import VCPU_MB

ASSUMED = f"""Assumed: one vCPU at {VCPU_MB:,} MB, in proportion below; the model's time alone; a
request and its answer within 512 KB. By URL: by a function URL, which costs nothing, without the
HTTP API. Left out: the handler's own time, cold starts (billed since August 2025, see --init-ms),
free tiers, discounts, transfer, logs. Idle, it costs nothing."""
EPILOG = """example: textfn cost bge-base-en-v1.5 --tokens-per-second 3000 --memory 3538 --json

exit codes: 0 done; 1 the model cannot be measured, and a line says why; 2 wrong command"""


def add_to(commands: Any) -> None:
    parser = commands.add_parser(
        "cost",
        help="what a million texts cost on AWS Lambda, beside Workers AI",
        description="Measures the model here, unless a speed is given, and multiplies with the\n"
        "prices in textfn/pricing/prices.toml. This machine is not Lambda: for figures to rely\n"
        "on, give the speed of your function, tokens over billed seconds.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "model", nargs="?", default="all-minilm-l6-v2", help="any name of a model (%(default)s)"
    )
    parser.add_argument(
        "--texts-a-request",
        type=whole_number,
        nargs="+",
        default=[1, 100],
        metavar="N",
        help="(1 100)",
    )
    parser.add_argument(
        "--tokens-per-second",
        type=positive_number,
        metavar="N",
        help="of one vCPU; default: measured here",
    )
    parser.add_argument(
        "--tokens-a-text",
        type=positive_number,
        metavar="N",
        help=f"default: of the texts measured, or {TOKENS_A_TEXT}",
    )
    parser.add_argument(
        "--memory", type=megabytes, default=VCPU_MB, metavar="MB", help="128 to 10240 (%(default)s)"
    )
    parser.add_argument("--arch", choices=["x86_64", "arm64"], default="x86_64", help="(x86_64)")
    parser.add_argument(
        "--init-ms", type=positive_number, metavar="MS", help="show what a cold start costs"
    )
    parser.add_argument("--json", action="store_true", help="for a program: one object")
    parser.set_defaults(command=cost)


def cost(options: argparse.Namespace) -> int:
    try:
        found = figures(options)
    except (UnknownModel, BadManifest) as error:
        hint = getattr(error, "hint", "") or "or give --tokens-per-second"
        print(f"textfn cost: {error} {hint}", file=sys.stderr)
        return 1
    print(json.dumps(found, indent=1) if options.json else table(found))
    return 0


def table(found: dict[str, Any]) -> str:
    lines = [
        f"{found['model']} on AWS Lambda, {found['arch']}, {found['memory_mb']:,} MB; "
        f"texts of {found['tokens_a_text']:g} tokens",
        "",
        f"texts a    tokens a  ms a     {'$ per million texts:':46}  $ per million",
        "request    second    request  compute  requests  HTTP API  together  by URL  tokens",
    ]
    for each in found["rows"]:
        speed, total = each["tokens_per_second"], each["million_texts"]
        lines.append(
            f"{each['texts_a_request']:7,}  {speed:10,.0f}  {each['ms_a_request']:7,}"
            f"  {each['compute']:7.3f}  {each['requests']:8.3f}  {each['http_api']:8.3f}"
            f"  {total:8.3f}  {each['by_function_url']:6.3f}  {each['million_tokens']:6.4f}"
        )
    lines += ["", _beside(found["workers_ai"])]
    if found["cold_start"]:
        lines.append(_cold(**found["cold_start"]))
    lines.append("")
    if found["measured_here"]:
        lines.append("The speed is this machine's, per second of processor time: not Lambda's.")
    prices = [f"{each['source']} ({each['date']})" for each in found["prices"].values()]
    return "\n".join([*lines, ASSUMED, *prices])


def _beside(price: dict[str, Any] | None) -> str:
    if not price:
        return "Workers AI publishes no price for this model or one like it."
    which = "" if price["same_model"] else ", the nearest model with a price"
    return (
        f"Workers AI, {price['model']}{which}:\n${price['million_texts']:.3f} per million texts, "
        f"${price['million_tokens']:.4f} per million tokens"
    )


def _cold(init_ms: float, dollars: float) -> str:
    return (
        f"A cold start of {init_ms:g} ms: ${dollars:.7f}; where one request in a hundred is cold, "
        f"${dollars * 1e4:.3f} more per million requests"
    )


def whole_number(text: str) -> int:
    if int(text) < 1:
        raise ValueError(text)
    return int(text)


def positive_number(text: str) -> float:
    if not 0 < float(text) < math.inf:
        raise ValueError(text)
    return float(text)


def megabytes(text: str) -> int:
    """Within AWS's limits."""
    if not 128 <= int(text) <= 10_240:
        raise ValueError(text)
    return int(text)
