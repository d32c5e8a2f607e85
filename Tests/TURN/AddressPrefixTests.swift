import STUN
import Testing

@testable import TURN

@Suite("Address prefix")
struct AddressPrefixTests {
    @Test(arguments: [
        ("10.0.0.0/8", "10.255.255.255", "11.0.0.0"),
        ("10.1.2.3/8", "10.0.0.1", "9.255.255.255"),
        ("192.0.2.7", "192.0.2.7", "192.0.2.6"),
        ("0.0.0.0/0", "255.255.255.255", "::1"),
        ("::/0", "ffff::1", "1.2.3.4"),
        ("fe80::/10", "febf:ffff::1", "fec0::1"),
        ("2001:db8::/64", "2001:db8::ffff:1:2:3", "2001:db8:0:1::"),
        ("2001:db8::8000:0:0:0/65", "2001:db8::ffff:1:2:3", "2001:db8::7fff:1:2:3"),
        ("::1", "::1", "::2"),
        ("::ffff:10.0.0.0/104", "10.9.9.9", "11.0.0.0"),
    ])
    func holdsItsOwnAndNothingElse(prefix: String, inside: String, outside: String) throws {
        let prefix = try #require(AddressPrefix(prefix))
        #expect(prefix.contains(try #require(IPAddress(inside))))
        #expect(!prefix.contains(try #require(IPAddress(outside))))
    }

    @Test func anIPv4MappedAddressIsInTheIPv4Block() throws {
        let prefix = try #require(AddressPrefix("127.0.0.0/8"))
        #expect(prefix.contains(try #require(IPAddress("::ffff:127.0.0.1"))))
    }

    @Test func theBlockOfAllIPv4MappedAddressesIsNotAllOfIPv4() throws {
        let prefix = try #require(AddressPrefix("::ffff:0:0/96"))
        #expect(!prefix.contains(try #require(IPAddress("8.8.8.8"))))
        #expect(!prefix.contains(try #require(IPAddress("::ffff:8.8.8.8"))))
        #expect(prefix.description == "::ffff:0:0/96" || prefix.description == "::ffff:0.0.0.0/96")
    }

    @Test func mappedBlocksOfEachLengthAreIPv4() throws {
        for length in 97...128 {
            let prefix = try #require(AddressPrefix("::ffff:203.0.113.7/\(length)"))
            #expect(prefix.length == length - 96)
            #expect(prefix.contains(try #require(IPAddress("203.0.113.7"))))
        }
        #expect(AddressPrefix("::ffff:203.0.113.7/129") == nil)
        #expect(AddressPrefix("203.0.113.7/97") == nil)
    }

    @Test(arguments: [
        "", "/", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/8/9",
        "10.0.0/8", "::/129", "::1/ 8", "fe80::%eth0/10", "10.0.0.0/99999999999999999999", "local",
    ])
    func refusesWhatIsNoPrefix(text: String) {
        #expect(AddressPrefix(text) == nil)
    }

    @Test func printsWhatItReads() throws {
        #expect(try #require(AddressPrefix("10.1.2.3/8")).description == "10.0.0.0/8")
        #expect(try #require(AddressPrefix("FC00::/7")).description == "fc00::/7")
    }

    @Test func everyLengthMasksThatManyBits() throws {
        let ones4 = IPAddress(ipv4: .max)
        let ones6 = IPAddress(ipv6High: .max, low: .max)
        for length in 0...32 {
            #expect(ones4.masked(to: length).low.nonzeroBitCount == length)
        }
        for length in 0...128 {
            let masked = ones6.masked(to: length)
            #expect(masked.high.nonzeroBitCount + masked.low.nonzeroBitCount == length)
            #expect(masked.high.nonzeroBitCount == min(length, 64))
        }
    }
}
