from shop.tasks import app as celery  # noqa: F401, so that celery --app shop finds it
