"""`networking.istio.io VirtualService`: how requests to hosts are routed."""

from translators.kinds.virtual_service.virtual_service import VIRTUAL_SERVICE, VirtualServiceSpec

__all__ = ["VIRTUAL_SERVICE", "VirtualServiceSpec"]
