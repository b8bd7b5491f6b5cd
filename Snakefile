# The same pipeline for Snakemake: in parallel on many cores, or on a cluster by an executor plugin.
# dvc.yaml defines the stages and DVC records them; Snakemake decides when and where they run. One rule for each stage.
import os
import sys

sys.path.insert(0, workflow.basedir)
os.environ["PATH"] = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])

from pipeline import dag
from pipeline.parameters import reading
from s2s.errors import UserError

try:
    reading.read()
except UserError as error:
    sys.exit(str(error))

STAGES = dag.stages()
RULES = dag.rules(STAGES)


def declared(stage, out):
    if dag.is_folder(out):
        return directory(out)
    shown = report(out, category="Results") if out.startswith("reports/") else out
    # Snakemake deletes outputs before it calls DVC, which has no copy of uncached outputs and would run the stage again.
    return update(shown) if out in stage.uncached else shown


rule all:
    input:
        [out for stage in STAGES for out in stage.outs],


for stage in STAGES:

    rule:
        name: RULES[stage.name]
        input: dag.inputs(stage, STAGES)
        output: [declared(stage, out) for out in stage.outs]
        params: stage=stage.name, values=stage.params, command=stage.cmd
        log: f"logs/{RULES[stage.name]}.log"
        benchmark: f"benchmarks/{RULES[stage.name]}.tsv"
        threads: dag.threads(stage)
        # Stages with most threads first: one that needs all cores would otherwise wait for the end of every training.
        priority: dag.threads(stage)
        resources: **dag.resources(stage)
        # The text is constant, because `shell: stage.cmd` would run the last stage's command in every rule.
        # Stages with worker processes start as many as Snakemake gives them threads; their outputs do not depend on it.
        # --wait-for-lock: another job may hold DVC's lock for minutes while it hashes.
        shell: "S2S_WORKERS={threads} dvc --wait-for-lock repro --single-item {params.stage:q} 2>&1 | tee {log:q}"
