"""The administration of Django as it comes, over SQLite, with one user and a session whose key is known to the examination.

django_admin.py FOLDER PORT: lays out the data below FOLDER and serves in the foreground."""

import os
import sys

from django.conf import settings
from django.urls import path

SESSION = "examinedexaminedexaminedexamined"


def configure(folder):
    settings.configure(
        SECRET_KEY="known to everybody",
        ALLOWED_HOSTS=["127.0.0.1"],
        ROOT_URLCONF=__name__,
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": f"{folder}/db.sqlite3"}},
        INSTALLED_APPS=[
            "django.contrib.admin",
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "django.contrib.messages",
        ],
        MIDDLEWARE=[
            "django.middleware.gzip.GZipMiddleware",
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
        ],
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": True,
                "OPTIONS": {
                    "context_processors": [
                        "django.template.context_processors.request",
                        "django.contrib.auth.context_processors.auth",
                        "django.contrib.messages.context_processors.messages",
                    ]
                },
            }
        ],
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    )


def fill():
    from datetime import timedelta

    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
    from django.contrib.sessions.backends.db import SessionStore
    from django.contrib.sessions.models import Session
    from django.core.management import call_command
    from django.utils import timezone

    call_command("migrate", verbosity=0)
    users = get_user_model().objects
    user = users.filter(username="operator").first() or users.create_superuser("operator", password="known")
    known = {
        SESSION_KEY: str(user.pk),
        BACKEND_SESSION_KEY: "django.contrib.auth.backends.ModelBackend",
        HASH_SESSION_KEY: user.get_session_auth_hash(),
    }
    session = {"session_data": SessionStore().encode(known), "expire_date": timezone.now() + timedelta(days=1)}
    Session.objects.update_or_create(session_key=SESSION, defaults=session)


if __name__ == "__main__":
    folder, port = sys.argv[1:]
    os.makedirs(folder, exist_ok=True)
    configure(folder)
    import django

    django.setup()
    fill()
    from django.contrib import admin
    from django.core.management import call_command

    urlpatterns = [path("admin/", admin.site.urls)]
    call_command("runserver", f"127.0.0.1:{port}", use_reloader=False)
