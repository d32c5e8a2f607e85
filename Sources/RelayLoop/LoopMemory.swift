/// What a relay loop holds of the kernel and of memory, in the order in which it must go.

internal import IOURing

/// The ring, the buffers it fills, and the engine that owns them.
///
/// The ring is declared first and destroyed first: the kernel lets go of buffers before they are unmapped.
struct LoopMemory: ~Copyable {
    var ring: Ring
    var bufferRing: BufferRing
    var engine: RelayEngine
}
