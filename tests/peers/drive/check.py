"""Google's own client for Python, as it comes from PyPI, takes the fake Drive for the real one.

FAKE is the fake's address, TOKEN a token that it gave out. Ends with an error at the first thing
that is not as the client expects it from Google.
"""

import hashlib
import io
import os

from google.oauth2.credentials import Credentials
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError
from googleapiclient.http import MediaIoBaseUpload

FAKE = os.environ["FAKE"]
SHARED_DRIVE = os.environ["SHARED_DRIVE"]
STEP = 262_144
FOLDER = "application/vnd.google-apps.folder"

drive = build(
    "drive",
    "v3",
    credentials=Credentials(os.environ["TOKEN"]),
    static_discovery=True,
    client_options={"api_endpoint": FAKE + "/drive/v3/"},
)
files, permissions = drive.files(), drive.permissions()


def refused(status, reason, call):
    """The client understands the error: its status, and the reason in its details."""
    try:
        call.execute()
    except HttpError as error:
        details = error.error_details
        reasons = [detail["reason"] for detail in details]
        assert (error.resp.status, reasons) == (status, [reason]), (error.resp.status, details)
    else:
        raise AssertionError(f"not refused: {reason}")


def send(request):
    """The outer loop of the client's documentation; its media address keeps https, so it is mended."""
    request.uri = request.uri.replace("https://", "http://")
    done, troubles = None, 0
    while done is None:
        try:
            _, done = request.next_chunk()
        except HttpError as error:
            assert error.resp.status == 503, error
            troubles += 1
    return done, troubles


def media(body):
    return MediaIoBaseUpload(io.BytesIO(body), "video/mp4", chunksize=2 * STEP, resumable=True)


about = drive.about().get(fields="user,storageQuota").execute()
assert about["user"]["emailAddress"] and int(about["storageQuota"]["limit"]) > 0

ids = files.generateIds(count=3, space="drive", type="files").execute()["ids"]
assert len(set(ids)) == 3

body = {"id": ids[0], "name": "Khóa học", "mimeType": FOLDER, "parents": [SHARED_DRIVE]}
folder = files.create(body=body, supportsAllDrives=True, fields="id,webViewLink").execute()
assert folder["id"] == ids[0] and folder["webViewLink"].endswith(ids[0])
refused(409, "fileIdInUse", files.create(body=body, supportsAllDrives=True))
refused(404, "notFound", files.get(fileId=ids[0]))

content = hashlib.shake_256(b"a lesson").digest(1_700_000)
lesson = {"id": ids[1], "name": "bài 1.mp4", "parents": [ids[0]]}
# The fake was told to answer 503 to the second chunk, and to keep half of the third.
made, troubles = send(
    files.create(
        body=lesson,
        media_body=media(content),
        supportsAllDrives=True,
        fields="id,md5Checksum,size",
    )
)
assert troubles == 1, troubles
assert made == {
    "id": ids[1],
    "md5Checksum": hashlib.md5(content).hexdigest(),
    "size": str(len(content)),
}, made

replaced, _ = send(
    files.update(
        fileId=ids[1], media_body=media(content[::-1]), supportsAllDrives=True, fields="md5Checksum"
    )
)
assert replaced["md5Checksum"] == hashlib.md5(content[::-1]).hexdigest()
assert files.get_media(fileId=ids[1], supportsAllDrives=True).execute() == content[::-1]

copied = files.copy(
    fileId=ids[1],
    body={"id": ids[2], "parents": [ids[0]]},
    supportsAllDrives=True,
    fields="id,size",
).execute()
assert copied == {"id": ids[2], "size": str(len(content))}, copied

listing = files.list(
    q=f"'{ids[0]}' in parents and trashed = false",
    pageSize=1,
    corpora="drive",
    driveId=SHARED_DRIVE,
    includeItemsFromAllDrives=True,
    supportsAllDrives=True,
)
found = []
while listing is not None:
    page = listing.execute()
    found += [file["id"] for file in page["files"]]
    listing = files.list_next(listing, page)
assert sorted(found) == sorted(ids[1:]), found

person = {"type": "user", "role": "reader", "emailAddress": "b@example.com"}
on_folder = {"fileId": ids[0], "supportsAllDrives": True}
share = permissions.create(body=person, sendNotificationEmail=False, **on_folder)
first, again = share.execute(), share.execute()
assert first["id"] == again["id"]
one = {"permissionId": first["id"], **on_folder}
end = {"role": "reader", "expirationTime": "2100-01-01T00:00:00Z"}
ended = permissions.update(body=end, fields="id,expirationTime", **one).execute()
assert ended["expirationTime"].startswith("2100"), ended
listed = permissions.list(fields="permissions(id,emailAddress,role)", **on_folder).execute()
assert {"id": first["id"], "emailAddress": "b@example.com", "role": "reader"} in listed["permissions"]
stranger = {**person, "emailAddress": "stranger@example.com"}
refused(
    400,
    "invalidSharingRequest",
    permissions.create(body=stranger, sendNotificationEmail=False, **on_folder),
)
permissions.create(body=stranger, sendNotificationEmail=True, **on_folder).execute()
permissions.delete(**one).execute()
refused(404, "notFound", permissions.delete(**one))

files.delete(fileId=ids[0], supportsAllDrives=True).execute()
print("Google's client for Python takes the fake for Google Drive.")
