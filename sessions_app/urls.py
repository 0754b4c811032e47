"""Where the gateway's pages, API and probes hang."""

from django.contrib.auth.views import LoginView, LogoutView
from django.urls import include, path
from django.views.generic import RedirectView

from sessions_app import probes, views
from sessions_app.mi import mi

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="session-list"), name="home"),
    path("login/", LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("sessions/", views.SessionList.as_view(), name="session-list"),
    path("sessions/<uuid:pk>/", views.SessionDetail.as_view(), name="session-detail"),
    path("sessions/<uuid:pk>/end/", views.end_session, name="session-end"),
    path("failures/", views.FailureList.as_view(), name="failure-list"),
    path("api/", include("sessions_app.api.urls")),
    path("mi", mi, name="mi"),
    path("healthz", probes.healthz, name="healthz"),
    path("readyz", probes.readyz, name="readyz"),
]
