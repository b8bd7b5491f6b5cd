# The same pipeline for Snakemake: in parallel on many cores, or on a cluster by an executor plugin.
# dvc.yaml defines the stages, DVC records them and says which are due; Snakemake decides when and where they run. One
# rule for each stage. profiles/default holds the options that every run has.
import functools
import os
import sys

from snakemake import jobs

sys.path.insert(0, workflow.basedir)
os.environ["PATH"] = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])

from pipeline import dag, forecast
from pipeline.commands.doctor import quick
from pipeline.parameters import reading
from s2s import program
from s2s.errors import UserError


async def remove_logs(job):
    for log in job.log:
        await log.remove()


# DVC removes a stage's outputs while it holds their locks; Snakemake would take them from a process that reads them.
jobs.Job.remove_existing_output = remove_logs

is_sound = True
try:
    reading.read()
    if workflow.is_main_process:
        is_sound = quick.mend()  # what a kill left
    STAGES = dag.stages()
    DUE = forecast.forecast(STAGES, wait=True).changes if workflow.is_main_process else {}
except UserError as error:
    if not is_sound:
        sys.exit(2)  # the lines of the doctor say why
    program.fail(str(error))
RULES = dag.rules(STAGES)


@functools.cache
def forced():
    """Return the names of the stages that a person forces."""
    return forecast.forced(workflow.dag_settings, STAGES)


@functools.cache
def due():
    """Force the rules of the stages that are due, that a person forces, or that are behind these, and return them."""
    names = {*DUE, *forecast.behind(forced(), STAGES)}
    workflow.dag.forcerules.update(workflow.get_rule(RULES[name]) for name in names)
    return names


def inputs(stage):
    """Return a function that Snakemake calls when it knows its options and before it decides what runs."""

    def paths(wildcards):
        read = dag.inputs(stage, STAGES)
        if not workflow.is_main_process:
            return read
        if stage.name not in due():
            return [ancient(path) for path in read]  # DVC compared contents: it does not run for the time of a file
        # Snakemake looks for what is due along inputs that are not ancient, and not beyond stages that are up to date.
        return [*read, *forecast.outputs_of_due(stage, due(), STAGES)]

    return paths


def force(stage):
    return lambda wildcards: "--force" if workflow.is_main_process and stage.name in forced() else ""


def declared(out):
    if dag.is_folder(out):
        return directory(out)
    return report(out, category="Results") if out.startswith("reports/") else out


rule all:
    input:
        [out for stage in STAGES for out in stage.outs],


for stage in STAGES:

    rule:
        name: RULES[stage.name]
        input: inputs(stage)
        output: [declared(out) for out in stage.outs]
        params: stage=stage.name, force=force(stage)
        log: f"logs/{RULES[stage.name]}.log"
        benchmark: f"benchmarks/{RULES[stage.name]}.tsv"
        threads: dag.threads(stage)
        # Stages with most threads first: one that needs all cores would otherwise wait for the end of every training.
        priority: dag.threads(stage)
        resources: **dag.resources(stage)
        # The text is constant, because `shell: stage.cmd` would run the last stage's command in every rule.
        # Stages with worker processes start as many as Snakemake gives them threads; their outputs do not depend on it.
        # --wait-for-lock: another job may hold DVC's lock for minutes while it hashes. It does not wait for a process
        # that runs the same stage, such as one of another Snakemake or of one that was killed.
        shell:
            "until S2S_WORKERS={threads} dvc --wait-for-lock repro {params.force} --single-item {params.stage:q} 2>&1"
            " | tee {log:q}; do grep -qE 'is busy, it is being|Unable to acquire lock' {log:q} || exit 1; sleep 9; done"
