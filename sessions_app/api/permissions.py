"""Who may do what over REST: the same model permissions that the admin asks for."""

from __future__ import annotations

from typing import Any

from rest_framework.permissions import BasePermission, DjangoModelPermissions
from rest_framework.request import Request


class MayView(DjangoModelPermissions):
    """Reading needs the view permission of what is read."""

    perms_map = {
        **DjangoModelPermissions.perms_map,
        "GET": ["%(app_label)s.view_%(model_name)s"],
        "HEAD": ["%(app_label)s.view_%(model_name)s"],
    }


class MayEndSessions(BasePermission):
    """Ending a session needs the permission to change sessions."""

    message = "Ending a session needs the permission sessions_app.change_gatewaysession."

    def has_permission(self, request: Request, view: Any) -> bool:
        """Asked for by the POST that ends."""
        return bool(request.user and request.user.has_perm("sessions_app.change_gatewaysession"))
