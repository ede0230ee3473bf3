"""Trials on the machines of a Ray cluster, or on this one by Ray.

An *agent*, one actor of Ray's per node, runs a `ProcessExecutor` there; `RayExecutor` here tells the agents what to
start and takes what they report. Agents need no store and no folder of this machine: images, checkpoints and results
travel as pieces of files.

    slots       how many trials a node takes, and what is reserved for them
    cargo       which files a trial needs, and files in pieces
    agreement   what two machines must have in common
    agent       runs trials on one node; it never imports Ray
    connection  starts Ray here, or joins a cluster
    nodes       which nodes there are, and their agents
    executor    the `Executor`: gives trials to agents, and takes their events

Ray is imported by `connection`, `nodes` and `executor` only, where `executor=ray` asks for it.
"""
