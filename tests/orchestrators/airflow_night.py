"""Run the DAG of orchestration/airflow_dag.py by `dag.test()`; write its tasks as JSON.

Arguments: the folder of the DAG, and the file to write.
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, sys.argv[1])
import airflow_dag

dag = airflow_dag.dag
run = dag.test()
Path(sys.argv[2]).write_text(
    json.dumps(
        {
            "success": run.state == "success",
            "schedule": dag.timetable.serialize(),
            "max_active_runs": dag.max_active_runs,
            "tasks": {
                each.task_id: [str(each.state), each.try_number]
                for each in run.get_task_instances()
            },
        }
    )
)
