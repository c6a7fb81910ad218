import os

from celery import Celery

app = Celery("shop", broker="redis://127.0.0.1", backend="redis://127.0.0.1")


@app.task
def release():
    """Returns the release that the worker runs."""
    return os.path.basename(os.getcwd())
