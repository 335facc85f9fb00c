# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 삼성전자 주가를 LSTM과 GRU로
#
# 이 노트북을 마치면 자기 주가 파일로 LSTM과 GRU를 학습하고, 예측이 "내일 = 오늘"보다 나은지 근거를 들어 말하고, 그 결과를
# 그림과 함께 과제로 낼 수 있습니다.
#
# 많은 튜토리얼이 삼성전자 주가를 내려받아 0과 1 사이로 정규화하고, LSTM을 학습한 뒤 실제 주가와 예측을 한 그림에 그립니다.
# 두 선은 거의 겹칩니다. 그런데 정말 예측한 것일까요? 여기서는 같은 질문에 제대로 답해 봅니다.

# %% [markdown]
# ## 1. 데이터
#
# 날짜와 종가가 있는 파일이면 됩니다. 야후 파이낸스, KRX, investing.com에서 받은 CSV를 그대로 읽습니다. 아래 `FILE`만 자기
# 파일 이름으로 바꾸십시오. 파일이 없으면 패키지에 들어 있는 S&P 500 지수를 대신 씁니다.

# %%
import os
from pathlib import Path

import gatecast as gc

os.environ["GATECAST_LANG"] = "ko"  # 판정과 표를 한국어로
FILE = "samsung.csv"  # 자기 파일의 이름

if Path(FILE).exists():
    prices = gc.load(FILE, start="2010-01-01")
else:
    print(f"{FILE} 파일이 없어 S&P 500 예제 데이터를 씁니다.")
    prices = gc.load("sample:sp500", start="2010-01-01")
print(prices)

# %% [markdown]
# ## 2. 튜토리얼이 놓치는 것
#
# - **미래가 새어 들어갑니다.** 전체 기간으로 정규화하면 학습 데이터가 테스트 기간의 최댓값과 최솟값을 이미 압니다. 여기서는
#   정규화의 기준을 학습 구간에서만 정합니다.
# - **한 번의 결과는 우연일 수 있습니다.** 시드와 기간을 바꾸면 결과가 달라집니다. 여기서는 폴드마다 다시 학습하고, 시드 여러 개의
#   평균을 씁니다.
# - **비교 대상이 없습니다.** 주가는 하루에 조금밖에 움직이지 않으므로 오늘 종가를 그대로 내일의 예측으로 삼아도 오차가 작습니다.
#   이 "내일 = 오늘" 예측(naive)보다 나은지를 물어야 합니다.
#
# ## 3. 학습과 비교
#
# LSTM과 GRU를 튜토리얼처럼 **종가 수준**(`target="close"`)으로 한 번, **수익률**(`target="return"`)로 한 번 학습합니다. 빨리 끝나도록
# 폴드 2개, 시드 2개, 최대 10 에폭으로 줄였습니다. 설정이 다르면 판정도 달라질 수 있으니, 과제로 낼 때는 `small = {}`로 바꾸어 기본값을
# 쓰십시오(폴드 5개, 시드 5개, 코어 2개에서 몇 분).

# %%
small = {"folds": 2, "seeds": 2, "training": gc.Training(epochs=10)}
level = gc.compare(prices, ["lstm", "gru"], target="close", **small)
change = gc.compare(prices, ["lstm", "gru"], target="return", **small)

# %% [markdown]
# ## 4. 그림: 하루 늦은 예측
#
# 수익률로 학습한 예측입니다. 위쪽은 테스트 기간의 실제 주가, 아래쪽은 마지막 몇 주의 실제 주가와 예측입니다. 아래쪽에서 예측이 실제 주가를 하루 늦게
# 따라가는지 보십시오.

# %%
change.plot("forecast")

# %% [markdown]
# 띠는 시드마다 다른 예측의 최저와 최고이며 예측 구간이 아닙니다. 위쪽의 점선은 다시 학습한 날(폴드의 경계)입니다. 그림을 파일로
# 낼 때는 `change.plot("forecast").save("forecast.png", overwrite=True)`라고 쓰십시오. 이때 `gatecast[png]` 패키지가 필요합니다.
#
# 종가 수준으로 학습한 예측도 같은 방식으로 그립니다. 테스트 기간의 주가가 학습 구간의 범위를 벗어나면 신경망은 본 적이 없는 값을 맞혀야 하므로 크게
# 빗나갈 수 있습니다.

# %%
level.plot("forecast")

# %% [markdown]
# 맞고 틀림은 주가가 아니라 **변화**에서 드러납니다. 가로축은 실제 변화, 세로축은 예측한 변화입니다. 예측에 쓸모가 있다면 점들이 점선을
# 따라 놓입니다.

# %%
change.plot("changes")

# %% [markdown]
# ## 5. 숫자
#
# 개선율(skill)은 "내일 = 오늘"의 제곱오차를 몇 % 줄였는지를 뜻합니다. 0보다 작으면 오늘 종가를 그대로 쓰는 편이 낫습니다.

# %%
import pandas as pd


def skills(result):
    scores = result.scores
    return scores[(scores["metric"] == "skill") & (scores["step"] == "all")].set_index("model")["value"]


table = pd.DataFrame({"종가로 학습": skills(level), "수익률로 학습": skills(change)}).loc[["lstm", "gru"]]
table.map(lambda value: f"{value:+.2%}")

# %% [markdown]
# ## 6. 결론
#
# 프로그램이 내린 판정입니다. 시도한 모델의 수와 우연까지 감안한 문장이므로, 기본값으로 학습했다면 과제의 결론으로 그대로 옮겨도 됩니다.

# %%
print("종가로 학습:", level.verdict, sep="\n")
print()
print("수익률로 학습:", change.verdict, sep="\n")

# %% [markdown]
# 판정이 "이긴다는 근거가 없습니다"라면 실패한 과제가 아니라 정직한 답입니다. 하루 뒤의 주가는 거의 무작위로 움직이고, 이때 오차를 가장 작게 하는 예측은 오늘
# 종가에 가깝습니다. "이깁니다"라면 시도한 다른 설정까지 모두 한 비교에 넣고, 나중에 온 데이터로 다시 확인하십시오.
#
# 더 해 볼 만한 것: `horizon=5`로 5일 뒤를 예측하기, `gc.Network(cell="lstm", output="student_t")`로 내일의 **예측 구간**을 구하기,
# `gc.backtest(change)`로 거래비용을 뺀 수익을 계산하기.
