"""Payment codes put together by hand, right or wrong, always with a right checksum."""

from binascii import crc_hqx


def tlv(id, value, size=len):
    return f"{id}{size(value):02}{value}"


def sealed(body):
    """The text with a right checksum, so that what lies behind it is tested."""
    body += "6304"
    return body + f"{crc_hqx(body.encode('utf-8', 'surrogatepass'), 0xFFFF):04X}"


def napas(*objects, bin="970436", account="0123456789", beneficiary=None, service="0208QRIBFTTA"):
    inner = beneficiary if beneficiary is not None else tlv("00", bin) + tlv("01", account)
    template = tlv("00", "A000000727") + tlv("01", inner) + service
    return sealed("000201" + "010211" + tlv("38", template) + "".join(objects or ("5303704", "5802VN")))
