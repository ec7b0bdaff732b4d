"""Run the job of orchestration/dagster_defs.py in process; write what it did as JSON.

Arguments: the folder of the definitions, and the file to write.
"""

import json
import sys
from pathlib import Path

import dagster as dg

sys.path.insert(0, sys.argv[1])
import dagster_defs

WANTED = ("ASSET_MATERIALIZATION", "STEP_UP_FOR_RETRY", "STEP_SUCCESS", "STEP_FAILURE")

dg.Definitions.validate_loadable(dagster_defs.defs)
job = dagster_defs.defs.resolve_job_def("nightly")
schedule = dagster_defs.defs.get_schedule_def("at_eight")
with dg.instance_for_test() as instance:
    context = dg.build_schedule_context(instance=instance)
    requests = schedule.evaluate_tick(context).run_requests or []
    # A run that lasts: the schedule must ask for no other one.
    other = instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
    while_busy = schedule.evaluate_tick(context)
    instance.delete_run(other.run_id)
    result = job.execute_in_process(instance=instance, raise_on_error=False)

events: dict[str, list[str]] = {name: [] for name in WANTED}
files = {}
for event in result.all_events:
    if event.event_type_value in WANTED:
        events[event.event_type_value].append(str(event.step_key))
    if event.event_type_value == "ASSET_MATERIALIZATION":
        table = event.materialization.metadata.get("files")
        if table is not None:
            name = event.materialization.asset_key.to_user_string()
            files[name] = [record.data for record in table.records]
Path(sys.argv[2]).write_text(
    json.dumps(
        {
            "success": result.success,
            "requests": len(requests),
            "while_busy": len(while_busy.run_requests or []),
            "skipped": while_busy.skip_message,
            "schedule": [schedule.cron_schedule, schedule.execution_timezone],
            "files": files,
            **events,
        }
    )
)
