"""Where the gateway's pages, API and probes hang."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
