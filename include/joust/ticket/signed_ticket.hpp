// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>
#include <joust/core/error.hpp>
#include <joust/core/fork.hpp>
#include <joust/core/hash.hpp>
#include <joust/core/policy.hpp>
#include <joust/core/style.hpp>
#include <joust/core/write.hpp>
#include <joust/ticket/ticket.hpp>
#include <joust/ticket/ticket_text.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace joust {
inline namespace v0 {

/// Hold a ticket that cannot be read, made or changed without the key. Trials with `signed_tickets` give it out.
///
/// It shows neither the arm nor the unit: a client that holds one or many of them learns neither which model served nor
/// whose they are. Server code that has to know the arm asks the trial: `trial.arm_of(ticket)`.
///
/// shape: trivially copyable, 32 bytes; 43 characters of base64url as text, which `signed_ticket::from_string` reads
class signed_ticket {
public:
    /// The number of characters of the text.
    static constexpr std::size_t text_size = detail::ticket_text_size;

    /// Make an empty ticket, which no trial accepts.
    constexpr signed_ticket() = default;

    /// Return the number of the key that signed. It is not enciphered.
    [[nodiscard]] constexpr unsigned key_id() const noexcept
    {
        return static_cast<unsigned>(words_[2] >> detail::ticket_words::key_at) & 3U;
    }

    /// Refuse the question at compile time, since a signed ticket hides its arm.
    template <class Never = void>
    [[nodiscard]] unsigned arm() const
    {
        static_assert(
            detail::always_false<Never>,
            "joust: a signed ticket hides its arm; ask the trial that gave it out: trial.arm_of(ticket)");
        return 0;
    }

    /// Write the ticket as text that survives a URL, without allocating.
    [[nodiscard]] constexpr std::array<char, text_size> text() const noexcept
    {
        return detail::text_of_words(words_);
    }

    /// Write the ticket as text that survives a URL.
    [[nodiscard]] std::string to_string() const { return detail::string_of_words(words_); }

    /// Read a signed ticket from any text. Returns `none` and sets `out`, or returns what is wrong and leaves `out` as
    /// it was. Only the trial can tell whether the ticket is genuine.
    [[nodiscard]] static constexpr ticket_error parse(std::string_view text, signed_ticket& out) noexcept
    {
        signed_ticket read;
        const ticket_error error = detail::decode_words(text, read.words_);
        if (error != ticket_error::none) {
            return error;
        }
        if (!read.signed_form()) {
            return ticket_error::version;
        }
        out = read;
        return ticket_error::none;
    }

    /// Read a signed ticket from text.
    /// errors: parse_error with a sentence that says what is wrong
    [[nodiscard]] static signed_ticket from_string(std::string_view text)
    {
        return detail::ticket_from<signed_ticket>(text);
    }

    /// Write the text of the ticket. cost: as to_string
    void write(std::string& out, style how) const { write_name(to_string(), out, how); }

    /// Compare all members.
    constexpr bool operator==(const signed_ticket&) const = default;

private:
    friend class key_ring;

    static constexpr std::uint64_t version = 1;

    [[nodiscard]] constexpr bool signed_form() const noexcept
    {
        return ((words_[2] >> detail::ticket_words::version_at) & 3U) == version;
    }

    std::array<std::uint64_t, 4> words_{};
};

static_assert(sizeof(signed_ticket) == 32 && std::is_trivially_copyable_v<signed_ticket>);

namespace detail {

/// Hold one secret and two SipHash states under keys derived from it, which are ready to absorb a message.
struct ticket_key {
    sip tag{sip_key{}};
    sip stream{sip_key{}};
    sip_key secret{};
    bool known = false;

    ticket_key() = default;
    explicit ticket_key(sip_key given)
        : tag(sip_key{siphash24("joust ticket tag 0", given), siphash24("joust ticket tag 1", given)}),
          stream(
              sip_key{siphash24("joust ticket stream 0", given), siphash24("joust ticket stream 1", given)}),
          secret(given), known(true)
    {
    }

    /// Return the SipHash-2-4 of three words.
    [[nodiscard]] std::uint64_t tag_of(std::uint64_t a, std::uint64_t b, std::uint64_t c) const noexcept
    {
        sip state = tag;
        state.absorb(a);
        state.absorb(b);
        state.absorb(c);
        return state.finish(0, 24);
    }

    /// Encipher or decipher three words with the stream of a tag: SipHash-2-4 of the tag and a number from 0 to 2.
    void cipher(std::uint64_t from, std::uint64_t& a, std::uint64_t& b, std::uint64_t& c) const noexcept
    {
        sip state = stream;
        state.absorb(from);
        sip first = state;
        sip second = state;
        a ^= first.finish(0, 9);
        b ^= second.finish(1, 9);
        c ^= state.finish(2, 9) & ~in_the_open;
    }

    // The bits that are not enciphered: version and number of the key.
    static constexpr std::uint64_t in_the_open =
        (std::uint64_t{3} << ticket_words::version_at) | (std::uint64_t{3} << ticket_words::key_at);
};

struct ticket_keys {
    static constexpr unsigned places = 4;
    std::array<ticket_key, places> keys{};
    unsigned signs = 0;
};

}  // namespace detail

/// Hold the secrets of signed tickets: up to four, by numbers from 0 to 3. One of them signs, and all of them read.
///
/// Copies share one ring, so that a change reaches every trial that was given it, while threads serve. To change the
/// key without losing feedback, call `add(1, fresh)` in every process, then `sign_with(1)` in every process, and
/// `retire(0)` when tickets of the old key are too old to matter.
///
/// The fields of a ticket are enciphered by a stream that their own SipHash-2-4 tag chooses (a synthetic initialisation
/// vector). So a number that repeats does no harm: it shows only that two tickets agree in all fields. A forged ticket
/// passes with probability 2^-64. After 2^32 tickets under one key two tickets may share a stream, which would show the
/// difference of these two; change the key before.
///
/// assumes: the secret is 128 random bits that clients do not have; it may also be the secret of a salt
/// errors: configuration_error for a number beyond 3, for one that is taken or unknown, and for a secret of all zeros
/// cost: 55 ns to sign or to open (32 rounds of SipHash; the tag alone takes 18 ns); a change of keys takes a mutex and
/// some hundred bytes that live as long as the ring
/// source: Rogaway and Shrimpton 2006, Deterministic authenticated-encryption (SIV); Aumasson and Bernstein 2012,
/// SipHash
class key_ring {
public:
    /// Begin with one key, which signs.
    // NOLINTNEXTLINE(google-explicit-constructor): options read .keys = secret
    key_ring(sip_key secret, unsigned id = 0) : shared_(made(id, secret)) {}
    /// Share the ring of another object.
    key_ring(const key_ring& other) noexcept : shared_(other.shared_)
    {
        shared_->owners.fetch_add(1, std::memory_order_relaxed);
    }
    /// Share the ring of another object.
    key_ring& operator=(const key_ring& other) noexcept
    {
        key_ring copy{other};
        std::swap(shared_, copy.shared_);
        return *this;
    }
    ~key_ring()
    {
        if (shared_->owners.fetch_sub(1, std::memory_order_acq_rel) == 1) {
            delete shared_;
        }
    }

    /// Add a key that reads. Adding the same secret under the same number again changes nothing.
    void add(unsigned id, sip_key secret)
    {
        check(id, secret);
        change([&](detail::ticket_keys& next) {
            if (next.keys[id].known && !(next.keys[id].secret == secret)) {
                throw configuration_error("key_ring.id", std::to_string(id) + ", which has another secret",
                                          "a free number, or retire() first");
            }
            next.keys[id] = detail::ticket_key{secret};
        });
    }

    /// Sign with another key from now on.
    void sign_with(unsigned id)
    {
        change([&](detail::ticket_keys& next) {
            check_known(next, id);
            next.signs = id;
        });
    }

    /// Stop reading tickets of a key. The key that signs cannot be retired.
    void retire(unsigned id)
    {
        change([&](detail::ticket_keys& next) {
            check_known(next, id);
            if (next.signs == id) {
                throw configuration_error("key_ring.id", std::to_string(id) + ", which signs",
                                          "a key that does not sign: sign_with() another one first");
            }
            next.keys[id] = detail::ticket_key{};
        });
    }

    /// Return the number of the key that signs.
    [[nodiscard]] unsigned signing() const noexcept { return shared_->now().signs; }

    /// Sign and encipher a ticket.
    [[nodiscard]] JOUST_NOINLINE signed_ticket seal(const ticket& open) const noexcept
    {
        const detail::ticket_keys& now = shared_->now();
        const detail::ticket_key& key = now.keys[now.signs];
        signed_ticket made;
        auto& [a, b, c, tag] = made.words_;
        a = detail::ticket_words::of(open)[0];
        b = detail::ticket_words::of(open)[1];
        c = (detail::ticket_words::of(open)[2] & ~detail::ticket_key::in_the_open) |
            (signed_ticket::version << detail::ticket_words::version_at) |
            (std::uint64_t{now.signs} << detail::ticket_words::key_at);
        tag = key.tag_of(a, b, c);
        key.cipher(tag, a, b, c);
        return made;
    }

    /// Check and decipher a ticket. Returns `none` and sets `out` to the ticket that was sealed, or returns what is
    /// wrong and leaves `out` as it was.
    [[nodiscard]] JOUST_NOINLINE ticket_error open(const signed_ticket& given, ticket& out) const noexcept
    {
        if (!given.signed_form()) {
            return ticket_error::version;
        }
        const detail::ticket_key& key = shared_->now().keys[given.key_id()];
        if (!key.known) {
            return ticket_error::retired;
        }
        auto [a, b, c, tag] = given.words_;
        key.cipher(tag, a, b, c);
        if (key.tag_of(a, b, c) != tag) {
            return ticket_error::forged;
        }
        return detail::ticket_words::make(a, b, c & ~detail::ticket_key::in_the_open, out);
    }

    /// Say whether both objects share one ring.
    bool operator==(const key_ring&) const = default;

private:
    /// Hold the current set of keys, and all earlier ones, since a thread may still be reading with one of them.
    struct state {
        explicit state(const detail::ticket_keys& first) { publish(first); }

        std::atomic<long> owners{1};
        detail::fork_mutex mutex{detail::fork_order::leaf};
        std::vector<std::unique_ptr<detail::ticket_keys>> all;
        std::atomic<const detail::ticket_keys*> current{nullptr};

        [[nodiscard]] const detail::ticket_keys& now() const noexcept
        {
            return *current.load(std::memory_order_acquire);
        }
        void publish(const detail::ticket_keys& next)
        {
            all.push_back(std::make_unique<detail::ticket_keys>(next));
            current.store(all.back().get(), std::memory_order_release);
        }
    };

    static state* made(unsigned id, sip_key secret)
    {
        check(id, secret);
        detail::ticket_keys keys;
        keys.keys[id] = detail::ticket_key{secret};
        keys.signs = id;
        return new state{keys};
    }
    static void check_id(unsigned id)
    {
        if (id >= detail::ticket_keys::places) {
            throw configuration_error("key_ring.id", std::to_string(id), "a number from 0 to 3");
        }
    }
    static void check(unsigned id, sip_key secret)
    {
        check_id(id);
        if (secret == sip_key{}) {
            throw configuration_error("key_ring.secret", "all zeros", "128 random bits");
        }
    }
    static void check_known(const detail::ticket_keys& keys, unsigned id)
    {
        check_id(id);
        if (!keys.keys[id].known) {
            throw configuration_error("key_ring.id", std::to_string(id) + ", which has no secret",
                                      "the number of a key that was added");
        }
    }

    template <class Change>
    void change(Change&& apply)
    {
        const std::scoped_lock lock{shared_->mutex};
        detail::ticket_keys next = shared_->now();
        apply(next);
        shared_->publish(next);
    }

    state* shared_;
};

}  // namespace v0
}  // namespace joust
