"""Where the pages hang. The gateway's own (pages, REST, /mi, probes) are sessions_app's."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("", include("sessions_app.urls")),
]

handler500 = "sessions_app.pages.trouble.server_error"
