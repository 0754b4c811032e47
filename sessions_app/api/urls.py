"""Where the REST interface hangs, below /api/."""

from django.urls import include, path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.permissions import AllowAny
from rest_framework.routers import DefaultRouter

from sessions_app.api import (
    problems,
    schema,  # noqa: F401 - the document's filters are told by what it registers
    streams,
    views,
)

router = DefaultRouter()
router.include_root_view = False
router.include_format_suffixes = False
router.register("sessions", views.SessionViewSet, basename="session")
router.register("messages", views.MessageViewSet, basename="message")
router.register("failures", views.FailureViewSet, basename="failure")
router.register("setup-failures", views.SetupFailureViewSet, basename="setup-failure")
router.register("routes", views.RouteViewSet, basename="route")
router.register("peers", views.PeerViewSet, basename="peer")
router.register("nodes", views.NodeViewSet, basename="node")

app_name = "api"
urlpatterns = [
    path("v1/", include(router.urls)),
    path("v1/events/", streams.stream, name="events"),
    path("v1/token/", views.ObtainToken.as_view(), name="token"),
    path("schema/", SpectacularAPIView.as_view(permission_classes=[AllowAny]), name="schema"),
    path(
        "docs/", SpectacularSwaggerSplitView.as_view(url_name="api:schema", permission_classes=[AllowAny]), name="docs"
    ),
    re_path("", problems.not_found),
]
