import Exchange
import Testing

@Suite struct DrainSwitchTests {
    @Test func isAsItWasLastSaid() {
        let drain = DrainSwitch()
        #expect(!drain.isOn)
        #expect(drain.toggle())
        #expect(drain.isOn)
        #expect(!drain.toggle())
        #expect(!drain.isOn)
        #expect(DrainSwitch(isOn: true).isOn)
    }
}
