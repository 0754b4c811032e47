"""Where the gateway's pages, API and probes hang."""

from django.contrib.auth.views import LoginView, LogoutView
from django.urls import include, path, re_path

from sessions_app import probes
from sessions_app.mi import mi
from sessions_app.pages import dashboard, failures, ladder, messages, peers, playground, sessions

urlpatterns = [
    path("", dashboard.Dashboard.as_view(), name="home"),
    path("login/", LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("sessions/", sessions.SessionList.as_view(), name="session-list"),
    re_path(r"^sessions/export\.(?P<form>csv|json)$", sessions.SessionExport.as_view(), name="session-export"),
    path("sessions/<uuid:pk>/", sessions.SessionDetail.as_view(), name="session-detail"),
    path("sessions/<uuid:pk>/ladder.svg", ladder.export, {"form": "svg"}, name="ladder-svg"),
    path("sessions/<uuid:pk>/ladder.txt", ladder.export, {"form": "txt"}, name="ladder-text"),
    path("sessions/<uuid:pk>/frames.pcap", ladder.pcap, name="session-pcap"),
    path("sessions/<uuid:pk>/frames/<int:number>/", ladder.frame, name="frame"),
    path("sessions/<uuid:pk>/capture/", ladder.capture, name="session-capture"),
    path("sessions/<uuid:pk>/end/", sessions.end_session, name="session-end"),
    path("messages/", messages.MessageList.as_view(), name="message-list"),
    re_path(r"^messages/export\.(?P<form>csv|json)$", messages.MessageExport.as_view(), name="message-export"),
    path("messages/<uuid:pk>/", messages.MessageDetail.as_view(), name="message-detail"),
    path("messages/<uuid:pk>/body/", messages.reveal_body, name="message-body"),
    path("messages/<uuid:pk>/retry/", failures.retry_message, name="message-retry"),
    path("failures/", failures.FailureGroups.as_view(), name="failure-groups"),
    path("failures/setups/", failures.FailureList.as_view(), name="failure-list"),
    re_path(r"^failures/export\.(?P<form>csv|json)$", failures.FailureExport.as_view(), name="failure-export"),
    path("failures/bulk/", failures.bulk, name="failure-bulk"),
    path("failures/bulk/<uuid:batch>/", failures.progress, name="bulk-progress"),
    path("failures/<uuid:pk>/", failures.FailureDetail.as_view(), name="failure-detail"),
    path("failures/<uuid:pk>/acknowledge/", failures.acknowledge, name="acknowledge"),
    path("playground/", playground.playground, name="playground"),
    path("peers/", peers.PeersAndNodes.as_view(), name="peers"),
    path("peers/nodes/<str:name>/drain/", peers.drain, name="node-drain"),
    path("api/", include("sessions_app.api.urls")),
    path("mi", mi, name="mi"),
    path("metrics", probes.metrics, name="metrics"),
    path("healthz", probes.healthz, name="healthz"),
    path("readyz", probes.readyz, name="readyz"),
]
