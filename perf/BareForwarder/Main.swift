/// Entry point.
@main enum Main {
    static func main() {}
}
