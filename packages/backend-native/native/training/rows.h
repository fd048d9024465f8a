// What training needs row by row and element by element: backward passes of norms and activations, and the loss.
#pragma once
#include "rows/rows.h"

namespace {

/** dx = r·(dy·g) − x·r³·mean(dy·g·x) + residual, and Σ dy·x·r over the rows of each block, whatever the threads. */
void rmsNormBackward(const Call &call, Member &member) {
  const int64_t rows = call.size(0), columns = call.size(1), height = call.size(3);
  const double epsilon = call.number[2];
  const float *weight = call.at<const float>(3);
  member.share(ceilDivide(rows, height), [&](int64_t block) {
    float *sums = call.at<float>(1) + block * columns;
    memset(sums, 0, size_t(4 * columns));
    for (int64_t row = block * height; row < least(rows, (block + 1) * height); row++) {
      const float *x = call.at<const float>(2) + row * columns, *dy = call.at<const float>(4) + row * columns;
      const float *residual = call.tensor[5] == nullptr ? nullptr : call.at<const float>(5) + row * columns;
      float *dx = call.at<float>(0) + row * columns;
      vf squares{}, dots{};
      int64_t i = 0;
      for (; i + W <= columns; i += W) {
        vf value = loadf(x + i);
        squares = fma(value, value, squares);
        dots = fma(loadf(dy + i) * loadf(weight + i), value, dots);
      }
      double square = sumOf(squares), dot = sumOf(dots);
      for (int64_t j = i; j < columns; j++) {
        square += double(x[j]) * x[j];
        dot += double(dy[j]) * weight[j] * x[j];
      }
      const double exact = 1 / sqrt(square / double(columns) + epsilon);
      const float r = float(exact), pull = float(exact * exact * exact * dot / double(columns));
      for (i = 0; i + W <= columns; i += W) {
        vf value = loadf(x + i), slope = loadf(dy + i) * r;
        storef(sums + i, fma(slope, value, loadf(sums + i)));
        vf change = slope * loadf(weight + i) - value * pull;
        storef(dx + i, residual == nullptr ? change : change + loadf(residual + i));
      }
      for (; i < columns; i++) {
        const float slope = dy[i] * r;
        sums[i] += slope * x[i];
        dx[i] = slope * weight[i] - x[i] * pull + (residual == nullptr ? 0 : residual[i]);
      }
    }
  });
}

/** Runs f on vectors of `size` floats; the last is padded with zeros on the way in, and cut on the way out. */
template <int OUT, int IN, class F> INLINE void mapFloats(const Call &call, Member &member, int64_t size, F f) {
  member.share(ceilDivide(size, CHUNK), [&](int64_t chunk) {
    const int64_t start = chunk * CHUNK, end = least(size, start + CHUNK);
    for (int64_t i = start; i < end; i += W) {
      const int count = int(least(W, end - i));
      vf in[IN], out[OUT];
      UNROLL for (int t = 0; t < IN; t++) {
        const float *from = call.at<const float>(OUT + t) + i;
        in[t] = count == W ? loadf(from) : loadPart(from, count);
      }
      f(in, out);
      UNROLL for (int t = 0; t < OUT; t++) {
        float *to = call.at<float>(t) + i;
        if (count == W) storef(to, out[t]);
        else storePart(to, out[t], count);
      }
    }
  });
}

/** 1/(1 + e⁻ˣ) */
INLINE vf sigmoid(vf x) { return 1.0f / (1.0f + expv(-x)); }

void swiglu(const Call &call, Member &member) {
  mapFloats<1, 2>(call, member, call.size(0), [](const vf *in, vf *out) { out[0] = siluv(in[0]) * in[1]; });
}

void swigluBackward(const Call &call, Member &member) {
  mapFloats<3, 3>(call, member, call.size(0), [](const vf *in, vf *out) {
    const vf gate = in[0], up = in[1], slope = in[2];
    const vf sigma = sigmoid(gate), silu = gate * sigma;
    out[0] = slope * up * fma(silu, 1.0f - sigma, sigma);
    out[1] = slope * silu;
    out[2] = silu * up;
  });
}

/** Of each row the loss, and weight · (softmax − one at the target); nothing of rows without weight. */
void crossEntropy(const Call &call, Member &member) {
  const int64_t rows = call.size(0), columns = call.size(1);
  shareRows(member, rows, columns, [&](int64_t row) {
    float *loss = call.at<float>(0) + row, *slopes = call.at<float>(1) + row * columns;
    const float *scores = call.at<const float>(2) + row * columns;
    const int64_t target = call.at<const int32_t>(3)[row];
    const float weight = call.at<const float>(4)[row];
    *loss = 0;
    if (weight == 0 || target < 0 || target >= columns) {
      memset(slopes, 0, size_t(4 * columns));
      return;
    }
    const float largest = largestOf(scores, columns);
    const float sum = expSum(slopes, scores, columns, largest);
    *loss = float(log(double(sum)) + double(largest) - double(scores[target]));
    scaleBy(slopes, columns, weight / sum);
    slopes[target] -= weight;
  });
}

}  // namespace
