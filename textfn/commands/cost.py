"""`textfn cost`: what a million texts cost on AWS Lambda, beside Workers AI's price for them."""

import argparse
import json
from typing import Any

from textfn.parser import Parser
from textfn.pricing.limits import LEAST_MB, MOST_MB, TOKENS_PER_TEXT, VCPU_MB

ASSUMED = f"""Assumed: one vCPU at {VCPU_MB:,} MB, in proportion below; the model's time alone; a
request and its answer within 512 KB. By URL: by a function URL, which costs nothing, without the
HTTP API. Left out: the handler's own time, cold starts (billed since August 2025, see --init-ms),
free tiers, discounts, transfer, logs. Idle, it costs nothing."""
EPILOG = """example: textfn cost bge-base-en-v1.5 --tokens-per-second 3000 --memory 3538 --json

exit codes: 0 done; 1 the model cannot be measured; 2 wrong command or setting"""


def add_arguments(parser: Parser) -> None:
    parser.description = (
        "Estimate what a million texts cost on AWS Lambda, and the same tokens on Workers AI. The\n"
        "model is measured on this machine unless you give a speed. This machine is not Lambda:\n"
        "for figures to rely on, give the speed of your function, tokens per billed second."
    )
    parser.epilog = EPILOG
    parser.add_argument(
        "model", nargs="?", default="all-minilm-l6-v2", help="any name of a model (%(default)s)"
    )
    parser.add_argument(
        "--texts-per-request",
        "--texts-a-request",
        type=whole_number,
        nargs="+",
        default=[1, 100],
        metavar="N",
        help="one row per number (1 100)",
    )
    parser.add_argument(
        "--tokens-per-second",
        type=positive_number,
        metavar="N",
        help="speed of one vCPU; default: measured here",
    )
    parser.add_argument(
        "--tokens-per-text",
        "--tokens-a-text",
        type=positive_number,
        metavar="N",
        help=f"default: that of the measured texts, or {TOKENS_PER_TEXT}",
    )
    parser.add_argument(
        "--memory",
        type=megabytes,
        default=VCPU_MB,
        metavar="MB",
        help=f"{LEAST_MB} to {MOST_MB} (%(default)s)",
    )
    parser.add_argument(
        "--arch", choices=["x86_64", "arm64"], default="x86_64", help="processor (%(default)s)"
    )
    parser.add_argument(
        "--init-ms", type=positive_number, metavar="MS", help="show what a cold start costs"
    )
    parser.add_argument("--json", action="store_true", help="print one object")
    parser.set_defaults(run=cost)


def cost(options: argparse.Namespace) -> int:
    from textfn.pricing.measuring import figures
    from textfn.pricing.pricing import Lambda

    found = figures(
        options.model,
        Lambda(options.arch, options.memory),
        options.texts_per_request,
        options.tokens_per_second,
        options.tokens_per_text,
        options.init_ms,
    )
    print(json.dumps(found, indent=1) if options.json else table(found))
    return 0


def table(found: dict[str, Any]) -> str:
    lines = [
        f"{found['model']} on AWS Lambda, {found['arch']}, {found['memory_mb']:,} MB; "
        f"texts of {found['tokens_a_text']:g} tokens",
        "",
        f"texts per  tokens per  ms per   {'$ per million texts:':46}  $ per million",
        "request    second      request  compute  requests  HTTP API  together  by URL  tokens",
    ]
    for each in found["rows"]:
        speed, total = each["tokens_per_second"], each["million_texts"]
        lines.append(
            f"{each['texts_a_request']:9,}  {speed:10,.0f}  {each['ms_a_request']:7,}"
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
    return int(_within(int(text), 1, 1_000_000))


def positive_number(text: str) -> float:
    return _within(float(text), 0.001, 1e9)


def megabytes(text: str) -> int:
    """Read a size of memory within AWS's limits."""
    return int(_within(int(text), LEAST_MB, MOST_MB))


def _within(number: float, least: float, most: float) -> float:
    if not least <= number <= most:  # NaN is not, either
        raise argparse.ArgumentTypeError(f"{number:g} is not between {least:,g} and {most:,g}")
    return number
