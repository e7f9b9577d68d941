# SPDX-License-Identifier: MIT
"""How the report calls the cases of a run, and which of them belong into which plot."""
import dataclasses
import math

from . import words

FORMS = {"none": ""}
AMOUNT = "bytes"  # the parameter that says how much was moved in all: as much as the time allowed, no other case


def varying_parameters(cases):
    """Names of the workload's own parameters that differ between these cases, without the amount."""
    names = sorted({name for case in cases for name, _ in case.parameters if name != AMOUNT})
    return [name for name in names if len({case.parameter(name) for case in cases}) > 1]


def variant(case, names):
    """What tells a case from its workload's others besides form, phase and numbers: "strip 4096, layout chunked"."""
    return ", ".join(f"{name} {case.parameter(name)}" for name in names if case.parameter(name) is not None)


def labels(cases):
    """case -> its words within its workload, without the phase: "collective, 47,008 B". Beside the form, no more is said than
    it takes to tell those of a phase apart."""
    ways = [(lambda case, name=name: variant(case, [name])) for name in varying_parameters(cases)]
    ways += [lambda case: words.size(case.transfer_bytes) if case.transfer_bytes else "",
             lambda case: words.count(case.ranks, "rank"), lambda case: words.count(case.servers, "server"),
             lambda case: variant(case, [AMOUNT])]
    for way in reversed(ways):
        fewer = [other for other in ways if other is not way]
        if len({(case.phase, label(case, fewer)) for case in cases}) == len(set(cases)):
            ways = fewer
    return {case: label(case, ways) for case in cases}


def label(case, ways):
    return ", ".join(filter(None, [FORMS.get(case.form, case.form)] + [way(case) for way in ways]))


def full_names(run):
    """case -> its words where workloads are mixed: "records, write, collective"."""
    return {case: ", ".join(filter(None, (case.workload, case.phase, label)))
            for cases in workloads(run).values() for case, label in labels(cases).items()}


def workloads(run):
    """workload -> its cases, in the order measured."""
    result = {}
    for case in run.by_case():
        result.setdefault(case.workload, []).append(case)
    return result


def usual_scale(run, cases):
    """(ranks, servers) that the run was told to use; the largest measured where these cases have none of them."""
    scales = {(case.ranks, case.servers) for case in cases}
    told = (run.environment.get("ranks"), run.environment.get("servers"))
    return told if told in scales else max(scales)


def at_usual_scale(run, cases):
    """The cases that aren't there for a scaling curve only."""
    scale = usual_scale(run, cases)
    return [case for case in cases if (case.ranks, case.servers) == scale]


def without(case, *names):
    """The case without these parameters of its own."""
    return dataclasses.replace(case, parameters=tuple(pair for pair in case.parameters if pair[0] not in names))


def usual_size(cases):
    """The size of a call that bars are drawn for, where several were measured: the one nearest to 1 MiB."""
    return min((case.transfer_bytes for case in cases), key=lambda size: abs(math.log2(max(size, 1)) - 20))


def at_usual_size(cases):
    """The cases that aren't there for a curve over sizes only."""
    by_rest = {}
    for case in cases:
        by_rest.setdefault(without(dataclasses.replace(case, transfer_bytes=0), AMOUNT), []).append(case)
    return [case for members in by_rest.values() for case in members if case.transfer_bytes == usual_size(members)]


def series(cases, key_of, x_of):
    """Cases that differ only in `x_of`, for at least two values of it: [(key, [case, ...] by x)]."""
    found = {}
    for case in cases:
        found.setdefault(key_of(case), []).append(case)
    return [(key, sorted(members, key=x_of)) for key, members in found.items() if len({x_of(case) for case in members}) > 1]
