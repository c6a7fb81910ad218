from django.http import HttpResponse
from django.urls import path

from shop.models import Order
from shop.settings import BASE
from shop.tasks import release


def page(request):
    return HttpResponse("site %s, orders %d\n" % (BASE.name, Order.objects.count()))


def worker(request):
    return HttpResponse("worker %s\n" % release.delay().get(timeout=20))


urlpatterns = [path("", page), path("worker", worker)]
