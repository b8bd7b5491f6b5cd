# The same pipeline for Snakemake: in parallel on many cores, or on a cluster by an executor plugin.
# dvc.yaml defines the stages, DVC records them and says which are due; Snakemake decides when and where they run. One
# rule for each stage. profiles/default holds the options that every run has.
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
    RULES = dag.rules(STAGES)
    FORCED = DUE = []
    if workflow.is_main_process and workflow.dag_settings:
        FORCED = forecast.forced(workflow.dag_settings, STAGES)
        DUE = forecast.due(workflow.dag_settings, STAGES, FORCED)
except UserError as error:
    if not is_sound:
        sys.exit(2)  # the lines of the doctor say why
    program.fail(str(error))


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
        # DVC compares contents, so no rule runs for the time of a file.
        input: [ancient(path) for path in dag.inputs(stage, STAGES)]
        output: [declared(out) for out in stage.outs]
        params: stage=stage.name, force="--force" if stage.name in FORCED else ""
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


if DUE:
    workflow.dag_settings.forcerun = {RULES[name] for name in DUE}
