"""Your mail: the server through which a user writes to prospects, tried out with a mail to themselves."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from funnel.admin_acts import posted
from routing.messages import mailboxes
from routing.messages.forms import MailboxForm
from routing.messages.posting import NotPosted


@require_http_methods(["GET", "POST"])
def page(request: HttpRequest) -> HttpResponse:
    """The user's server; the password is never shown again."""
    mailbox = mailboxes.mailbox_of(request.user)
    form = MailboxForm(posted(request), mailbox=mailbox, address=getattr(request.user, "email", ""))
    if request.method == "POST" and form.is_valid():
        try:
            mailboxes.set_mailbox(request.user, **form.cleaned_data)
        except mailboxes.Wrong as problem:
            form.add_error(problem.field, problem.sentence)
        else:
            messages.success(request, "Saved. Send a test to see whether it works.")
            return redirect("routing:mailbox")
    context = {"form": form, "mailbox": mailbox}
    return render(request, "routing/mailbox.html", context, status=422 if form.is_bound else 200)


@require_POST
def test(request: HttpRequest) -> HttpResponse:
    """Send the user a mail from themselves."""
    mailbox = mailboxes.mailbox_of(request.user)
    if mailbox is None:
        messages.error(request, "There is no server yet; enter it first.")
        return redirect("routing:mailbox")
    try:
        mailboxes.send_test(mailbox, now=timezone.now())
    except NotPosted as problem:
        messages.error(request, f"The test was not sent: {problem.sentence}")
    else:
        messages.success(request, f"The test has left for {mailbox.address}; see whether it arrives.")
    return redirect("routing:mailbox")


@require_POST
def forget(request: HttpRequest) -> HttpResponse:
    mailboxes.forget_mailbox(request.user)
    messages.success(request, "Your server and its password are deleted here.")
    return redirect("routing:mailbox")
