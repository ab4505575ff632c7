"""The job's record: Celery's result under Celery's own key, and the one script that changes it."""
