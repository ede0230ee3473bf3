"""The recorder, a separate process, writes to MLflow. It reads a queue that outlives driver and recorder.

    driver --- entries ---> queue (a file in the sweep's folder) --- in order ---> recorder's process ---> MLflow
           --- calls ------------------------------------------------------------>

The study remains the source of truth: the driver writes it at once, and a trial that is finished there is recorded in
MLflow now or by the next start. Every entry may be written twice without harm, so that a kill of either process at any
moment neither loses nor duplicates anything.

queue      the file
start      the process is started, early
process    what runs in the recorder's process
remote     the driver's end: entries, calls, and what the recorder says
"""
