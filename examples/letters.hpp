// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the demo tests: a data set (capital letters as 16 numbers), three classifiers and two rankers trained on it, and
// simulated users and clicks.
//
// Real: the 20,000 rows, the models, their accuracy and their latency.
// Simulated from a fixed seed: which user sends which row, how often users return, and all clicks.

#include <joust/core/random.hpp>
#include <joust/store/csv.hpp>
#include <joust/store/file.hpp>

#include <Eigen/Cholesky>
#include <Eigen/Core>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace examples {

inline constexpr std::size_t feature_count = 16;
inline constexpr std::size_t letter_count = 26;

/// The features of one image. units: integers from 0 to 15
using features = std::array<float, feature_count>;

/// One row of the data set: the features of an image and the letter that it shows.
struct letter_row {
    features x{};
    char truth = '?';
};

/// The rows that models learn from, and the rows that they do not learn from.
struct letter_data {
    std::vector<letter_row> train;
    std::vector<letter_row> held_back;
};

/// Read the data set, shuffle it with a seed and hold back all but the first `train_rows` rows.
inline letter_data load_letters(const std::string& path, std::size_t train_rows = 8000,
                                std::uint64_t seed = 2026)
{
    const std::string text = joust::read_file(path);
    joust::csv_reader file(text, path);
    const std::size_t label = file.column("lettr");
    std::vector<letter_row> rows;
    while (file.next()) {
        letter_row row;
        for (std::size_t f = 0; f < feature_count; ++f) {
            const double value = file.number(f + 1);
            if (!std::isfinite(value)) {
                file.refuse(f + 1, "\"" + file.field(f + 1) + "\" is not a finite number");
            }
            row.x[f] = static_cast<float>(value);
        }
        const std::string& letter = file.field(label);
        if (letter.size() != 1 || letter[0] < 'A' || letter[0] > 'Z') {
            file.refuse(label, "\"" + letter + "\" is not a capital letter");
        }
        row.truth = letter[0];
        rows.push_back(row);
    }
    if (train_rows >= rows.size()) {
        throw std::runtime_error(path + ": there are only " + std::to_string(rows.size()) + " rows");
    }
    joust::keyed_random random(seed, 1);
    for (std::size_t i = rows.size(); i > 1; --i) {
        std::swap(rows[i - 1], rows[random.below(i)]);
    }
    letter_data data;
    const auto cut = rows.begin() + static_cast<std::ptrdiff_t>(train_rows);
    data.train.assign(rows.begin(), cut);
    data.held_back.assign(cut, rows.end());
    return data;
}

/// Shift and scale features to mean 0 and standard deviation 1 over the training rows.
struct standardiser {
    features mean{};
    /// 1 / standard deviation
    features scale{};

    static standardiser fit(const std::vector<letter_row>& rows)
    {
        standardiser out;
        for (std::size_t f = 0; f < feature_count; ++f) {
            double sum = 0.0;
            double squares = 0.0;
            for (const letter_row& row : rows) {
                const double x = static_cast<double>(row.x[f]);
                sum += x;
                squares += x * x;
            }
            const double n = static_cast<double>(rows.size());
            const double centre = sum / n;
            const double variance = squares / n - centre * centre;
            out.mean[f] = static_cast<float>(centre);
            out.scale[f] = variance > 0.0 ? static_cast<float>(1.0 / std::sqrt(variance)) : 0.0F;
        }
        return out;
    }

    [[nodiscard]] features operator()(const features& x) const noexcept
    {
        features z{};
        for (std::size_t f = 0; f < feature_count; ++f) {
            z[f] = (x[f] - mean[f]) * scale[f];
        }
        return z;
    }
};

/// A linear model: multinomial logistic ("softmax") regression on standardised features.
///
/// It is trained by mini-batch gradient descent with momentum and a step that shrinks to zero. It is the champion of the
/// demo.
/// cost: one prediction is 26 dot products of 16 numbers
class softmax_model {
public:
    static softmax_model train(const std::vector<letter_row>& rows, int epochs = 40,
                               std::uint64_t seed = 2026)
    {
        constexpr Eigen::Index batch = 100;
        constexpr float momentum = 0.9F;
        constexpr float first_step = 0.3F;
        softmax_model model;
        model.standardise_ = standardiser::fit(rows);
        // A column holds the features and a 1 for the intercept.
        constexpr auto width = static_cast<Eigen::Index>(feature_count) + 1;
        Eigen::Matrix<float, width, Eigen::Dynamic> x(width, static_cast<Eigen::Index>(rows.size()));
        for (std::size_t r = 0; r < rows.size(); ++r) {
            const features z = model.standardise_(rows[r].x);
            const auto column = static_cast<Eigen::Index>(r);
            x.col(column).head<feature_count>() =
                Eigen::Map<const Eigen::Matrix<float, feature_count, 1>>(z.data());
            x(width - 1, column) = 1.0F;
        }
        Eigen::Matrix<float, letter_count, width> weights = Eigen::Matrix<float, letter_count, width>::Zero();
        Eigen::Matrix<float, letter_count, width> velocity = weights;
        std::vector<std::size_t> order(rows.size());
        std::iota(order.begin(), order.end(), std::size_t{0});
        joust::keyed_random random(seed, 2);
        Eigen::Matrix<float, width, batch> sample;
        Eigen::Matrix<float, letter_count, batch> error;
        const std::size_t batches = rows.size() / static_cast<std::size_t>(batch);
        for (int epoch = 0; epoch < epochs; ++epoch) {
            for (std::size_t i = order.size(); i > 1; --i) {
                std::swap(order[i - 1], order[random.below(i)]);
            }
            for (std::size_t b = 0; b < batches; ++b) {
                for (Eigen::Index i = 0; i < batch; ++i) {
                    sample.col(i) = x.col(static_cast<Eigen::Index>(
                        order[b * static_cast<std::size_t>(batch) + static_cast<std::size_t>(i)]));
                }
                error.noalias() = weights * sample;
                for (Eigen::Index i = 0; i < batch; ++i) {
                    auto p = error.col(i);
                    p = (p.array() - p.maxCoeff()).exp().matrix().eval();
                    p /= p.sum();
                    const std::size_t row =
                        order[b * static_cast<std::size_t>(batch) + static_cast<std::size_t>(i)];
                    p(rows[row].truth - 'A') -= 1.0F;
                }
                const float done = static_cast<float>(static_cast<std::size_t>(epoch) * batches + b) /
                                   static_cast<float>(static_cast<std::size_t>(epochs) * batches);
                const float step = first_step * (1.0F - done);
                velocity =
                    momentum * velocity - (step / static_cast<float>(batch)) * (error * sample.transpose());
                weights += velocity;
            }
        }
        model.weights_ = weights.leftCols<static_cast<int>(feature_count)>();
        model.intercept_ = weights.col(width - 1);
        return model;
    }

    /// Predict the letter of an image.
    [[nodiscard]] char operator()(const features& x) const noexcept
    {
        const features z = standardise_(x);
        const Eigen::Matrix<float, letter_count, 1> score =
            weights_ * Eigen::Map<const Eigen::Matrix<float, feature_count, 1>>(z.data()) + intercept_;
        Eigen::Index best = 0;
        score.maxCoeff(&best);
        return static_cast<char>('A' + best);
    }

private:
    standardiser standardise_;
    Eigen::Matrix<float, letter_count, feature_count> weights_;
    Eigen::Matrix<float, letter_count, 1> intercept_;
};

/// Find the training rows that are nearest to an image.
///
/// Distances are squared Euclidean distances. For raw features they are whole numbers below 2^24, which single precision
/// holds exactly, so that the neighbours do not depend on the machine.
/// cost: 8,000 rows x 16 features per image, no allocation
class neighbour_index {
public:
    struct neighbour {
        float distance;
        std::uint32_t row;
        friend bool operator<(const neighbour& a, const neighbour& b) noexcept
        {
            return a.distance < b.distance || (a.distance == b.distance && a.row < b.row);
        }
    };

    explicit neighbour_index(const std::vector<features>& rows) : size_(rows.size())
    {
        const std::size_t blocks = (rows.size() + block - 1) / block;
        columns_.resize(static_cast<Eigen::Index>(blocks * block), static_cast<Eigen::Index>(feature_count));
        columns_.setZero();
        // The rows that only fill the last block are far from every image, so they are never neighbours.
        norms_ = Eigen::ArrayXf::Constant(static_cast<Eigen::Index>(blocks * block), far_away);
        for (std::size_t r = 0; r < rows.size(); ++r) {
            float norm = 0.0F;
            for (std::size_t f = 0; f < feature_count; ++f) {
                columns_(static_cast<Eigen::Index>(r), static_cast<Eigen::Index>(f)) = rows[r][f];
                norm += rows[r][f] * rows[r][f];
            }
            norms_(static_cast<Eigen::Index>(r)) = norm;
        }
    }

    [[nodiscard]] std::size_t size() const noexcept { return size_; }

    /// Find the K rows nearest to x, the nearest first. Of two equally near rows the earlier one comes first.
    template <std::size_t K>
    [[nodiscard]] std::array<neighbour, K> nearest(const features& x) const noexcept
    {
        std::array<neighbour, K> found;
        found.fill({far_away, 0});
        float own_norm = 0.0F;
        for (const float value : x) {
            own_norm += value * value;
        }
        for (Eigen::Index begin = 0; begin < norms_.size(); begin += block) {
            // |row - x|^2 = |row|^2 - 2 row.x + |x|^2
            Eigen::Array<float, block, 1> distance = norms_.segment<block>(begin) + own_norm;
            for (std::size_t f = 0; f < feature_count; ++f) {
                distance -= (2.0F * x[f]) * columns_.col(static_cast<Eigen::Index>(f)).segment<block>(begin);
            }
            // In most blocks no row is near enough, which the minimum shows quickly.
            if (!(distance.minCoeff() < found[K - 1].distance)) {
                continue;
            }
            for (Eigen::Index i = 0; i < block; ++i) {
                if (distance(i) < found[K - 1].distance) {
                    insert(found, {distance(i), static_cast<std::uint32_t>(begin + i)});
                }
            }
        }
        return found;
    }

private:
    static constexpr int block = 200;
    static constexpr float far_away = 1e9F;

    template <std::size_t K>
    static void insert(std::array<neighbour, K>& found, neighbour next) noexcept
    {
        std::size_t at = K - 1;
        while (at > 0 && next < found[at - 1]) {
            found[at] = found[at - 1];
            --at;
        }
        found[at] = next;
    }

    std::size_t size_;
    Eigen::Array<float, Eigen::Dynamic, Eigen::Dynamic> columns_;
    Eigen::ArrayXf norms_;
};

inline std::vector<features> raw_features(const std::vector<letter_row>& rows)
{
    std::vector<features> out;
    out.reserve(rows.size());
    for (const letter_row& row : rows) {
        out.push_back(row.x);
    }
    return out;
}

/// k nearest neighbours: compare the image with every training row, and let the four nearest rows vote.
///
/// It is more accurate than the linear model and about a hundred times slower. It is the challenger of the demo.
class nearest_neighbours {
public:
    explicit nearest_neighbours(const std::vector<letter_row>& train) : index_(raw_features(train))
    {
        for (const letter_row& row : train) {
            letters_.push_back(row.truth);
        }
    }

    /// Predict the letter of an image. Nearer rows have more weight, and the nearest row decides a tie.
    [[nodiscard]] char operator()(const features& x) const noexcept
    {
        const auto near = index_.nearest<4>(x);
        std::array<float, letter_count> votes{};
        for (const auto& neighbour : near) {
            votes[static_cast<std::size_t>(letters_[neighbour.row] - 'A')] +=
                1.0F / (1.0F + neighbour.distance);
        }
        char best = letters_[near[0].row];
        for (const auto& neighbour : near) {
            const char letter = letters_[neighbour.row];
            if (votes[static_cast<std::size_t>(letter - 'A')] > votes[static_cast<std::size_t>(best - 'A')]) {
                best = letter;
            }
        }
        return best;
    }

private:
    neighbour_index index_;
    std::vector<char> letters_;
};

/// A challenger that is broken on purpose: it throws for 5 % of the images, and changes 30 % of its other answers to
/// another letter.
///
/// Whether it does so depends on the image alone, so that every run fails on the same images.
class broken_model {
public:
    explicit broken_model(softmax_model healthy) : healthy_(std::move(healthy)) {}

    [[nodiscard]] char operator()(const features& x) const
    {
        std::uint64_t image = 0;
        for (const float value : x) {
            image = image * 16 + static_cast<std::uint64_t>(value);
        }
        joust::keyed_random random(image, 3);
        if (random.uniform() < 0.05) {
            throw std::runtime_error("broken on purpose");
        }
        const char guess = healthy_(x);
        if (random.uniform() < 0.30) {
            return guess == 'Z' ? 'A' : static_cast<char>(guess + 1);
        }
        return guess;
    }

private:
    softmax_model healthy_;
};

/// How many results a page shows.
inline constexpr std::size_t page_length = 10;

/// One page of results: numbers of training rows, best first.
using page = std::array<std::uint32_t, page_length>;

/// The measure of similarity by which a ranker orders its results.
enum class similarity {
    /// The angle between features that are rounded to 2 bits each, which makes a small index.
    cosine,
    /// The distance in units of how much images of one letter vary (P. C. Mahalanobis, 1936).
    mahalanobis
};

/// Find the training images that are most similar to a given image.
///
/// Both similarities are Euclidean distances between transformed points, so that one kind of index serves both.
class letter_ranker {
public:
    letter_ranker(const std::vector<letter_row>& train, similarity by)
        : by_(by), whiten_(whitening(train)), index_(prepare_all(train))
    {
    }

    [[nodiscard]] page operator()(const features& x) const noexcept
    {
        const auto near = index_.nearest<page_length>(prepare(x));
        page rows{};
        for (std::size_t i = 0; i < page_length; ++i) {
            rows[i] = near[i].row;
        }
        return rows;
    }

private:
    using square = Eigen::Matrix<float, feature_count, feature_count>;
    using column = Eigen::Matrix<float, feature_count, 1>;

    [[nodiscard]] features prepare(const features& x) const noexcept
    {
        const column from = Eigen::Map<const column>(x.data());
        features out;
        if (by_ == similarity::cosine) {
            // For vectors of length 1, |a - b|^2 = 2 - 2 cos(a, b).
            Eigen::Map<column>(out.data()) = ((from / 4.0F).array().floor() + 0.5F).matrix().normalized();
        } else {
            Eigen::Map<column>(out.data()) = whiten_ * from;
        }
        return out;
    }

    [[nodiscard]] std::vector<features> prepare_all(const std::vector<letter_row>& rows) const
    {
        std::vector<features> out;
        out.reserve(rows.size());
        for (const letter_row& row : rows) {
            out.push_back(prepare(row.x));
        }
        return out;
    }

    // Returns the inverse of the Cholesky factor of the covariance within letters. Multiplied by it, images of one letter
    // vary by 1 in every direction.
    static square whitening(const std::vector<letter_row>& rows)
    {
        Eigen::Matrix<float, feature_count, letter_count> mean =
            Eigen::Matrix<float, feature_count, letter_count>::Zero();
        Eigen::Matrix<float, letter_count, 1> count = Eigen::Matrix<float, letter_count, 1>::Zero();
        for (const letter_row& row : rows) {
            mean.col(row.truth - 'A') += Eigen::Map<const column>(row.x.data());
            count(row.truth - 'A') += 1.0F;
        }
        for (Eigen::Index letter = 0; letter < mean.cols(); ++letter) {
            mean.col(letter) /= std::max(count(letter), 1.0F);
        }
        square within = square::Zero();
        for (const letter_row& row : rows) {
            const column from_mean = Eigen::Map<const column>(row.x.data()) - mean.col(row.truth - 'A');
            within += from_mean * from_mean.transpose();
        }
        within /= static_cast<float>(rows.size());
        const Eigen::LLT<square> factor(within);
        return factor.matrixL().solve(square::Identity());
    }

    similarity by_;
    square whiten_;
    neighbour_index index_;
};

/// One request: a simulated user sends a real, held-back image.
struct letter_request {
    /// The number of the request.
    std::uint64_t id = 0;
    std::uint64_t user = 0;
    /// The number of the held-back row, which holds the true letter.
    std::uint32_t row = 0;
    features x{};
};

/// Simulate requests, each by a user drawn independently.
///
/// The activity of users falls like 1 / (rank + 20) (a Zipf-Mandelbrot law): a few users come back very often, and most
/// users rarely. Rows are drawn with replacement once all of them were sent.
inline std::vector<letter_request> simulate_requests(const std::vector<letter_row>& held_back,
                                                     std::size_t requests, std::size_t users,
                                                     std::uint64_t seed)
{
    std::vector<double> cumulative(users);
    double sum = 0.0;
    for (std::size_t u = 0; u < users; ++u) {
        sum += 1.0 / (static_cast<double>(u) + 21.0);
        cumulative[u] = sum;
    }
    joust::keyed_random random(seed, 4);
    std::vector<letter_request> out(requests);
    for (std::size_t i = 0; i < requests; ++i) {
        const double point = random.uniform() * sum;
        const auto user = std::upper_bound(cumulative.begin(), cumulative.end(), point) - cumulative.begin();
        out[i].id = i;
        // The identifier must not tell the rank of the user.
        out[i].user = 100'000 + (static_cast<std::uint64_t>(user) * 7919) % 900'001;
        out[i].row = static_cast<std::uint32_t>(i < held_back.size() ? i : random.below(held_back.size()));
        out[i].x = held_back[out[i].row].x;
    }
    return out;
}

/// Simulate clicks by a cascade model: the user reads a page from the top.
///
/// The user clicks a result with probability 0.6 if it is relevant (the same letter) and 0.05 if not. The user leaves the
/// page with probability 0.3 after a click, and with probability 0.1 after no click.
class cascade_clicks {
public:
    explicit cascade_clicks(std::uint64_t seed) : random_(seed, 5) {}

    /// Return the places of a page that are clicked. `relevant(place)` says whether the result there is relevant.
    template <class Relevant>
    [[nodiscard]] std::vector<std::size_t> operator()(std::size_t length, Relevant relevant)
    {
        std::vector<std::size_t> clicks;
        for (std::size_t place = 0; place < length; ++place) {
            const bool click = random_.uniform() < (relevant(place) ? 0.6 : 0.05);
            if (click) {
                clicks.push_back(place);
            }
            if (random_.uniform() < (click ? 0.3 : 0.1)) {
                break;
            }
        }
        return clicks;
    }

private:
    joust::keyed_random random_;
};

}  // namespace examples
