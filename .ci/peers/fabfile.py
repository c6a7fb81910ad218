"""The work of .ci/bench as a user of Fabric 2 writes it. Environment variables say what to do; .ci/bench sets them."""
from os import environ as E

from fabric import Config, Connection, ThreadingGroup, task

NAMES = E["NAMES"].split()


def connection(name):
    login = {"look_for_keys": False, "allow_agent": False, "banner_timeout": 60, "auth_timeout": 60}
    config = Config(runtime_ssh_path=E["SSH_CONFIG"])
    return Connection(name, port=int(E["PORT"]), config=config, forward_agent="SSH_AUTH_SOCK" in E, connect_kwargs=login)


@task
def release(_):
    for host in NAMES:
        with connection(host) as there:
            for step in E["STEPS"].splitlines():
                there.run(step.replace("HOST", host))


@task
def chatty(_):
    with connection(NAMES[0]) as there:
        for _ in range(100):
            there.run("/bin/true")


@task
def everywhere(_):
    # Each prints what its host says: the results would have one key for all, whose HostName is the same.
    ThreadingGroup.from_connections(map(connection, NAMES)).run("uptime")
