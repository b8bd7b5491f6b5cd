# The same pipeline for Snakemake: side by side on many cores, or on a cluster by an executor plugin.
# dvc.yaml says what a stage is and DVC records it; Snakemake says when and where it runs. One rule a stage, derived.
import os
import sys

sys.path.insert(0, workflow.basedir)
os.environ["PATH"] = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])

from pipeline import dag, parameters
from s2s.errors import UserError

try:
    parameters.read()
except UserError as error:
    sys.exit(str(error))

STAGES = dag.stages()
RULES = dag.rules(STAGES)


def declared(stage, out):
    if dag.is_folder(out):
        return directory(out)
    shown = report(out, category="Results") if out.startswith("reports/") else out
    # Snakemake deletes outputs before it calls DVC, which cannot restore these and would make them again.
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
        # The widest first: what takes all processors would wait as long as any training goes on.
        priority: dag.threads(stage)
        resources: **dag.resources(stage)
        # One constant text for every rule: `shell: stage.cmd` would run the last stage's command in each.
        # Stages that share their work among processes take what Snakemake gives them, and make the same bytes of it.
        # The flag stands before the subcommand: a sibling may hold DVC's lock while it hashes for minutes.
        shell: "S2S_WORKERS={threads} dvc --wait-for-lock repro --single-item {params.stage:q} 2>&1 | tee {log:q}"
