/// libFuzzer over every reader of STUN: any bytes, and the same bytes as the attributes of a right header.

import STUN

/// One input of libFuzzer.
@c func LLVMFuzzerTestOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = UnsafeRawBufferPointer(start: start, count: count)
    read(input.bytes)
    var repaired = header(length: count & ~3 & 0xFFFF)
    repaired += input.prefix(count & ~3 & 0xFFFF)
    read(repaired.span.bytes)
    return 0
}

/// Runs every reader over `bytes`.
private func read(_ bytes: RawSpan) {
    _ = ChannelData(bytes)
    guard let message = Message(bytes) else { return }
    _ = message.type.method
    _ = message.hasValidFingerprint
    for kind in [IntegrityKind.sha1, .sha256] { _ = message.integrity(kind, key: key) }
    var last = Message.headerCount
    var cursor = message.attributes()
    while let attribute = cursor.next(in: message) {
        // Attributes follow each other and lie inside: what the checked view promises.
        precondition(attribute.offset >= last + 4)
        last = attribute.offset + attribute.count
        precondition(last <= bytes.byteCount)
        readValue(of: attribute, in: message)
    }
}

private func readValue(of attribute: Attribute, in message: borrowing Message) {
    precondition(message.value(of: attribute).byteCount == attribute.count)
    if let address = message.xorAddress(attribute) {
        _ = address.ip.canonical
        precondition(TransportAddress(address.description) == address)
        precondition(rewritten(address, message.transactionID))
    }
    _ = message.address(attribute)
    _ = message.errorCode(attribute)
    _ = message.uint8(attribute)
    _ = message.uint16(attribute)
    _ = message.uint32(attribute)
    _ = message.uint64(attribute, at: 4)
}

/// Whether the writer makes an attribute from which the reader gets `address` again.
private func rewritten(_ address: TransportAddress, _ transactionID: TransactionID) -> Bool {
    var buffer = [UInt8](repeating: 0, count: 64)
    var span = buffer.mutableSpan
    var bytes = span.mutableBytes
    var writer = MessageWriter(
        into: &bytes,
        type: MessageType(.binding, .success),
        transactionID: transactionID
    )
    writer.append(.xorMappedAddress, xorAddress: address)
    guard let count = writer.finish() else { return false }
    guard let message = Message(buffer.span.bytes.extracting(0..<count)),
        let attribute = message.first(.xorMappedAddress)
    else { return false }
    return message.xorAddress(attribute) == address
}

private func header(length: Int) -> [UInt8] {
    let cookieAndTransaction: [UInt8] = [0x21, 0x12, 0xA4, 0x42] + (0..<12).map { UInt8($0) }
    return [0, 1, UInt8(length >> 8), UInt8(length & 0xFF)] + cookieAndTransaction
}

private let key: IntegrityKey = .md5(
    username: RawSpan(),
    realm: RawSpan(),
    password: RawSpan()
)
